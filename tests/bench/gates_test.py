"""The judgement of a run: ratios within rounds, dropped samples, verdicts."""

import unittest

import gates
import report


def post(*ours: float | None, theirs: float = 2.0) -> gates.Samples:
    def sample(cpu: float | None) -> gates.Sample | None:
        return None if cpu is None else {"cpu_per_100k": cpu, "rps": 1000.0}

    return {"post": {"sidecar": [sample(cpu) for cpu in ours], "nginx": [sample(theirs) for _ in ours]}}


def verdict(samples: gates.Samples, gate: str) -> str:
    return next(row.verdict for row in gates.rows(samples) if row.gate == gate)


class Gates(unittest.TestCase):
    def test_the_median_of_the_rounds_decides(self) -> None:
        self.assertEqual(verdict(post(1.9, 1.8, 9.0), "S1"), "pass")
        self.assertEqual(verdict(post(2.1, 2.2, 1.0), "S1"), "FAIL")

    def test_a_ratio_needs_both_samples_of_its_round(self) -> None:
        samples = post(1.0, None, 1.0, 1.0, 1.0)
        self.assertEqual(len(gates.ratio(samples, "post", "cpu_per_100k", "sidecar", "nginx")), 4)
        self.assertEqual(verdict(samples, "S1"), "pass")
        self.assertEqual(gates.dropped(samples), (1, 10))

    def test_too_many_dropped_rounds_are_inconclusive(self) -> None:
        self.assertEqual(verdict(post(1.0, None, None, 1.0, 1.0), "S1"), "inconclusive")
        self.assertEqual(verdict(post(None, None), "S1"), "inconclusive")

    def test_what_both_add_to_the_direct_call_is_compared(self) -> None:
        samples: gates.Samples = {"open2000": {
            "direct": [{"p50_us": 50.0}], "sidecar": [{"p50_us": 140.0}], "nginx": [{"p50_us": 150.0}]}}
        self.assertAlmostEqual(gates.added(samples, "open2000", "p50_us", "nginx")[0], 0.9)

    def test_some_gates_want_at_least(self) -> None:
        samples: gates.Samples = {"portkey": {"sidecar": [{"per_core": 100.0, "rss_mb": 10.0}],
                                              "portkey": [{"per_core": 10.0, "rss_mb": 200.0}]}}
        self.assertEqual(verdict(samples, "S11"), "FAIL")

    def test_what_was_not_measured_has_no_row(self) -> None:
        self.assertEqual({row.gate for row in gates.rows(post(1.0))}, {"S1", "S2", "S3", "S14"})

    def test_the_report_names_every_verdict(self) -> None:
        facts = dict.fromkeys(("command", "date", "machine", "peers", "retries", "foreign", "note"), "x")
        text = report.text(post(1.0, 2.5, 2.5), facts)
        self.assertIn("| S1 | CPU per request, POST 2 KB, × nginx | ≤ 1.00 | ≤ 0.85 | 1.25 | 0.50 to 1.25 | 3/3 | FAIL |", text)

    def test_a_workload_without_a_gate_says_how_many_samples_were_clean(self) -> None:
        samples: gates.Samples = {"slow": {
            "sidecar": [{"closed": 1000.0, "answered_408": 1000.0, "last_s": 10.01}], "nginx": [None]}}
        lines = report.reported_table(samples)
        self.assertIn("| slow heads, of 1,000: closed |  | 1,000 |  |  |  | 1/2 |", lines)
        self.assertIn("| the last one closed after, s |  | 10.01 |  |  |  | 1/2 |", lines)
        self.assertEqual(gates.rows(samples), [])

    def test_a_workload_of_which_every_sample_was_dropped_still_has_its_row(self) -> None:
        self.assertIn("| GET, requests/s |  |  |  |  |  | 0/1 |", report.reported_table({"get": {"sidecar": [None]}}))
        self.assertEqual(report.reported_table({}), [])


if __name__ == "__main__":
    unittest.main()
