#include "sidecar/translate/template_answer.h"

#include "sidecar/translate/stream_writer.h"

namespace reliability::sidecar::translate {

std::string RenderTemplate(std::string_view text, std::string_view agent, std::string_view reason) {
  constexpr std::string_view kAgent = "{{.agent}}";
  constexpr std::string_view kReason = "{{.reason}}";
  std::string out;
  while (!text.empty()) {
    if (text.starts_with(kAgent)) {
      out.append(agent);
      text.remove_prefix(kAgent.size());
    } else if (text.starts_with(kReason)) {
      out.append(reason);
      text.remove_prefix(kReason.size());
    } else {
      const std::size_t next = text.find("{{.", 1);
      out.append(text.substr(0, next));
      text.remove_prefix(std::min(next, text.size()));
    }
  }
  return out;
}

inspect::MadeAnswer TemplateAnswer(const Caller& caller, std::string_view text,
                                   const Origin& origin) {
  Answer answer;
  answer.id = origin.fallback_id;
  answer.model = kTemplateModel;
  answer.created = origin.created;
  answer.finish = Finish::kStop;
  answer.usage.known = true;  // nobody was asked: zero is the truth
  answer.blocks.push_back({BlockKind::kText, std::string(text), {}, {}});
  inspect::MadeAnswer made;
  made.status = 200;
  made.content_type = caller.stream ? "text/event-stream" : "application/json";
  made.body = caller.stream ? StreamOf(answer, caller) : WriteAnswer(answer, caller);
  return made;
}

std::string StreamOf(const Answer& answer, const Caller& caller) {
  StreamWriter writer(caller);
  writer.Start(answer);
  for (const Block& block : answer.blocks) {
    writer.Open(block.kind, block.id, block.name);
    writer.Delta(block.text);
    writer.Close();
  }
  writer.Finish(answer.finish, answer.usage);
  return writer.Take();
}

}  // namespace reliability::sidecar::translate
