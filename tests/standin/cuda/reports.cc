#include "reports.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "standin.h"

namespace foveate::cuda::standin {

std::string report_text() {
  std::string text;
  for (const char* const name :
       {"contexts", "streams", "events", "graphs", "executables", "allocations", "allocated-bytes", "pinned",
        "pinned-bytes", "registrations", "work", "busy-ns", "uploads", "uploaded-bytes", "downloads",
        "downloaded-bytes", "device-copies", "device-copied-bytes"})
    text += std::string(name) + " " + std::to_string(standin_count(name)) + "\n";
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return text + "now-ns " + std::to_string(std::chrono::nanoseconds(now).count()) + "\n";
}

bool serve_reports(const std::string& folder) {
  const std::string path = folder + "/" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  path.copy(address.sun_path, path.size());
  const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server < 0) return false;
  ::unlink(path.c_str());  // of a process that had the number before
  if (::bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || ::listen(server, 8) != 0) {
    ::close(server);
    return false;
  }
  std::thread([server] {
    for (;;) {
      const int client = ::accept4(server, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      const std::string text = report_text();
      // Shorter than what a socket takes at once.
      (void)!::send(client, text.data(), text.size(), MSG_NOSIGNAL);
      ::close(client);
    }
  }).detach();
  return true;
}

}  // namespace foveate::cuda::standin
