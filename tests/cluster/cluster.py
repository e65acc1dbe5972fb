#!/usr/bin/env python3
"""Starts and stops a real single-node Kubernetes on this machine, without a container engine (needs root)."""

import argparse
import json
import os
import sys

from realcluster import Cluster, ClusterError
from realcluster import binaries, layout


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default="dev", help="clusters of different names run side by side (default: dev)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[common], help=text, description=text)

    up = command("up", "start the cluster, or what is missing of it")
    up.add_argument("--tier", choices=["api", "node"], default="node",
                    help="api: etcd, API server, controller manager; node: also kubelet, pods, Services, DNS")
    up.add_argument("--audit", action=argparse.BooleanOptionalAction, default=True,
                    help="write every request to log/audit.log")
    command("down", "remove the cluster and all that is in it")
    command("status", "print what runs, as JSON; exit code 1 unless the API server is ready")
    command("kubeconfig", "print the path of the admin kubeconfig")
    load = command("load-image", "make the images of docker or OCI archives available to pods")
    load.add_argument("archive", nargs="+")
    stop = command("stop-component", "stop one program, as a fault")
    stop.add_argument("component")
    stop.add_argument("--kill", action="store_true", help="SIGKILL at once")
    command("start-component", "start a stopped program again").add_argument("component")
    execute = command("exec", "run a program with KUBECONFIG set and kubectl, helm and etcdctl on PATH")
    execute.add_argument("--inside", action="store_true", help="in the cluster's network namespace")
    execute.add_argument("argv", nargs="+", metavar="-- PROGRAM [ARGUMENT ...]")
    tools = commands.add_parser("tools", help="build what is missing of kubectl, etcd, ..., and print where they are")
    tools.add_argument("family", nargs="*", default=list(binaries.FAMILIES), metavar="FAMILY",
                       help=f"of {', '.join(binaries.FAMILIES)} (default: all)")
    commands.add_parser("list", help="print the names of all clusters on this machine")
    return parser.parse_args()


def build_tools(families: list[str]) -> int:
    for name in families:
        if name not in binaries.FAMILIES:
            raise ClusterError(f"unknown family {name!r}: want some of {', '.join(binaries.FAMILIES)}")
        print(binaries.build(binaries.FAMILIES[name], say))
    return 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    options = parse()
    if options.command == "tools":
        return build_tools(options.family)
    if options.command == "list":
        print("\n".join(layout.names()))
        return 0
    cluster = Cluster(options.name, log=say)
    match options.command:
        case "up":
            cluster.up(options.tier, options.audit)
        case "down":
            cluster.down()
        case "status":
            status = cluster.status()
            print(json.dumps(status, indent=2))
            return 0 if status["ready"] else 1
        case "kubeconfig":
            print(cluster.kubeconfig)
        case "load-image":
            cluster.load_image(*options.archive)
        case "stop-component":
            cluster.stop_component(options.component, kill=options.kill)
        case "start-component":
            cluster.start_component(options.component)
        case "exec":
            enter = ["nsenter", f"--net={cluster.layout.netns_path}", "--"] if options.inside else []
            command = [*enter, *options.argv]
            environment = cluster.environment()
            os.environ["PATH"] = environment["PATH"]  # execvpe looks the program up in our own PATH
            os.execvpe(command[0], command, environment)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ClusterError, binaries.BuildError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
