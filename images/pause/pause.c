/* The process that keeps a pod's namespaces: waits, reaps orphans, ends on SIGTERM or SIGINT. */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void Reap(int signal_number) {
  (void)signal_number;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

static void End(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static int Handle(int signal_number, void (*handler)(int)) {
  struct sigaction action = {0};
  action.sa_handler = handler;
  action.sa_flags = SA_NOCLDSTOP | SA_RESTART;
  return sigaction(signal_number, &action, NULL);
}

int main(void) {
  /* As process 1 it gets no default actions: each signal that should act needs a handler. */
  if (Handle(SIGCHLD, Reap) != 0 || Handle(SIGTERM, End) != 0 || Handle(SIGINT, End) != 0) {
    return EXIT_FAILURE;
  }
  for (;;) {
    pause();
  }
}
