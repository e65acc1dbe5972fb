#pragma once
// TCP keep-alive: notices a peer that is gone without a word (a cut cable, a node that died) also
// on a connection that has nothing to say for minutes, such as a watch.

namespace reliability::http {

// A dead peer fails the connection after 15 s of silence and three unanswered probes, 10 s apart:
// 45 s. A refusal by the system is logged, not returned: the connection works without.
void EnableKeepAlive(int socket);

}  // namespace reliability::http
