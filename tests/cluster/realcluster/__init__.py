"""A real single-node Kubernetes for tests and the demo.

    from realcluster import Cluster
    cluster = Cluster("suite")
    cluster.up("node")
    print(cluster.kubectl("get", "nodes"))
    cluster.down()

It needs root on Linux; everything lives in one network namespace, one cgroup and two folders per cluster.
"""

from .cluster import Cluster, ClusterError

__all__ = ["Cluster", "ClusterError"]
