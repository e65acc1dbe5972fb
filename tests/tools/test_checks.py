"""Each static check must be able to fail: every rule gets a tree that breaks it, and one that does not."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))

import check_bans
import check_crds
import check_docs
import check_layers
import check_sizes
import gen_error_classes


class Tree:
    def __init__(self, files):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def __enter__(self):
        return self.root

    def __exit__(self, *error):
        self.folder.cleanup()


class Layers(unittest.TestCase):
    def check(self, path, text):
        with Tree({path: text}) as root:
            return check_layers.violations(root)

    def test_upward_include_is_found(self):
        self.assertTrue(self.check("libs/policy/a.cc", '#include "libs/net/asio.h"\n'))
        self.assertTrue(self.check("libs/kube/core/a.cc", '#include "libs/kube/client/api_client.h"\n'))
        self.assertTrue(self.check("controllers/agent_slo/a.cc", '#include "controllers/enforcement/decide.h"\n'))
        self.assertTrue(self.check("sidecar/a.cc", '#include "libs/api/agent_slo.h"\n'))

    def test_third_party_in_the_wrong_file_is_found(self):
        self.assertTrue(self.check("libs/http/other.cc", "#include <cpprest/http_client.h>\n"))
        self.assertTrue(self.check("libs/policy/a.cc", "#include <nlohmann/json.hpp>\n"))

    def test_production_code_does_not_include_tests(self):
        self.assertTrue(self.check("sidecar/a.cc", '#include "tests/fakes/fake_clock.h"\n'))

    def test_unknown_folder_is_found(self):
        self.assertTrue(self.check("libs/utils/a.cc", "int a;\n"))

    def test_downward_include_is_fine(self):
        self.assertEqual([], self.check("sidecar/a.cc", '#include "libs/policy/circuit_breaker.h"\n'))
        self.assertEqual([], self.check("libs/http/cpprest_transport.cc", "#include <cpprest/http_client.h>\n"))


class Bans(unittest.TestCase):
    def check(self, path, text):
        with Tree({path: text}) as root:
            return check_bans.violations(root)

    def test_every_rule_can_fail(self):
        for text in ("void f() { throw 1; }\n", "void f() { try { } catch (...) { } }\n", "auto a = rand();\n",
                     "void f() { std::this_thread::sleep_for(x); }\n", "void f() { t.detach(); }\n",
                     "using namespace std;\n", "std::mutex m;\n", "auto t = std::chrono::steady_clock::now();\n",
                     "void f() { std::cout << 1; }\n"):
            self.assertEqual(1, len(self.check("libs/policy/a.cc", text)), text)

    def test_comments_and_strings_do_not_count(self):
        self.assertEqual([], self.check("libs/policy/a.cc", '// throw\nauto s = "catch (";\nauto r = R"(throw)";\n'))

    def test_adapters_may_catch(self):
        self.assertEqual([], self.check("libs/http/cpprest_transport.cc", "void f() { try { } catch (...) { } }\n"))


class Sizes(unittest.TestCase):
    def test_long_file_is_found(self):
        with Tree({"libs/base/a.cc": "\n" * 401, "tests/a_test.cc": "\n" * 600}) as root:
            self.assertEqual(1, len(check_sizes.violations(root)))


class Crds(unittest.TestCase):
    def test_a_bare_boolean_key_is_found(self):
        for text, count in (("properties:\n  n: {type: integer}\n", 1), ("properties:\n  'n': {type: integer}\n", 0)):
            with Tree({"crds/a.yaml": text}) as root:
                self.assertEqual(count, len(check_crds.violations(root)), text)


class ErrorClasses(unittest.TestCase):
    ROW = 'ERROR_CLASS(kA, "a", kFailure, kBad, kSpoils, kAgain, kNext, kMayAct, 502, 502, "t", "u", kGoesOn, kGoOn)  // it failed'

    def test_a_row_becomes_a_line(self):
        page = gen_error_classes.page(gen_error_classes.parse(self.ROW))
        self.assertIn("| `a` | it failed | yes | yes | maybe | failure | bad | bad |", page)
        self.assertNotEqual(page, gen_error_classes.page(gen_error_classes.parse(self.ROW.replace("kAgain", "kNever"))))

    def test_a_row_with_other_columns_is_found(self):
        with self.assertRaises(SystemExit):
            gen_error_classes.parse(self.ROW.replace("kNext, ", ""))


class Docs(unittest.TestCase):
    def check(self, text):
        files = {"README.md": text, "Makefile": "build: deps\n", "libs/base/result.h": "", "docs/a.md": ""}
        with Tree(files) as root:
            return check_docs.violations(root)

    def test_what_does_not_exist_is_found(self):
        for text in ("[a](docs/b.md)", "`libs/base/gone.h`", "`libs/base/{result,gone}.h`", "`make nothing`"):
            self.assertEqual(1, len(self.check(text)), text)

    def test_what_exists_is_fine(self):
        self.assertEqual([], self.check("[a](docs/a.md#part) `libs/base/result.h` `libs/base/*.h` `make build`"))


class EventReasons(unittest.TestCase):
    HEADER = 'inline constexpr EventReason kAgentPaused{"AgentPaused"};\n'
    CODE = "Say(true, api::reasons::kAgentPaused);\n"
    PAGE = "| reason | meaning |\n|---|---|\n| `AgentPaused` | a hold began |\n"

    def check(self, header=HEADER, code=CODE, page=PAGE):
        files = {"libs/api/event_reasons.h": header, "controllers/a.cc": code, "docs/events.md": page}
        with Tree(files) as root:
            return check_docs.violations(root)

    def test_a_page_that_says_all_is_fine(self):
        self.assertEqual([], self.check())

    def test_what_only_one_side_knows_is_found(self):
        self.assertEqual(1, len(self.check(page="nothing\n")))
        self.assertEqual(1, len(self.check(page=self.PAGE + "| `AgentGone` | ? |\n")))
        self.assertEqual(1, len(self.check(page=self.PAGE + "| `AgentPaused` | again |\n")))
        self.assertEqual(1, len(self.check(code="nothing();\n")))
        self.assertEqual(1, len(self.check(header=self.HEADER.replace("kAgent", "kWorker"),
                                           code="Say(api::reasons::kAgentPaused);\n")))

    def test_a_reason_made_elsewhere_is_found(self):
        for text in ('api::EventReason("Other");\n', 'Record(about, EventType::kWarning,\n  "Other", "Act");\n'):
            self.assertEqual(1, len(self.check(code=self.CODE + text)), text)


class Series(unittest.TestCase):
    CODE = 'GetCounter("agent_reliability_calls_total", "Calls.");\n'
    PAGE = "| `agent_reliability_calls_total` | calls |\n"

    def check(self, code=CODE, page=PAGE):
        with Tree({"sidecar/telemetry/metrics.cc": code, "docs/metrics.md": page}) as root:
            return check_docs.violations(root)

    def test_a_page_that_names_all_is_fine(self):
        self.assertEqual([], self.check())

    def test_what_only_one_side_knows_is_found(self):
        self.assertEqual(1, len(self.check(page="nothing\n")))
        self.assertEqual(1, len(self.check(page=self.PAGE + "`agent_reliability_gone_total`\n")))
        self.assertEqual(1, len(self.check(code=self.CODE.replace("calls_", "other_") + self.CODE)))


if __name__ == "__main__":
    unittest.main()
