"""How the demo talks: chapters with the time they took, commands with their answers, waits that say for what."""

import sys
import time


class Narrator:
    def __init__(self, out=sys.stdout):
        self._out = out
        self._color = out.isatty()
        self._began = self._chapter_began = None
        self._number = 0

    def _print(self, text=""):
        print(text, file=self._out, flush=True)

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._color else text

    def chapter(self, title):
        now = time.monotonic()
        if self._chapter_began is not None:
            self._print(f"  ({now - self._chapter_began:.1f} s)")
        self._began = self._began or now
        self._chapter_began = now
        self._number += 1
        self._print()
        self._print(self._paint("1", f"{self._number}. {title}"))

    def note(self, text):
        self._print(f"  {text}")

    def command(self, command, lines):
        self._print(self._paint("36", f"  $ {command}"))
        for line in lines:
            self._print(f"    {line}")

    def event(self, reason, text):
        self._print(f"  {self._paint('33', reason)}: {text}")

    def wait(self, what, probe, timeout):
        """The first truthy value of probe(); ends the demo with what was missing otherwise."""
        begin = time.monotonic()
        while True:
            value = probe()
            if value:
                waited = time.monotonic() - begin
                if waited >= 1:
                    self._print(f"  ... {what}: after {waited:.1f} s")
                return value
            if time.monotonic() - begin > timeout:
                raise SystemExit(f"waited {timeout} s for {what}. Next: kubectl get events -A; make demo-clean starts over")
            time.sleep(0.5)

    def end(self, seconds, kubeconfig, kubectl):
        self._print(f"  ({time.monotonic() - self._chapter_began:.1f} s)")
        self._print()
        self._print(self._paint("1", f"The agent is back as it was. The story took {seconds / 60:.1f} minutes."))
        self._print("Look further:")
        self._print(f"  export KUBECONFIG={kubeconfig} PATH=$PATH:{kubectl.rsplit('/', 1)[0]}")
        self._print("  kubectl get agentreliability -n support")
        self._print("  kubectl describe aenf deployment-refunds-agent -n support")
        self._print("  kubectl explain agentslo.spec")
        self._print("Remove everything: make demo-clean")
