// Answers with the weight of three parcels, each request in a thread of its own.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <thread>

extern "C" {
#include "weights.h"
}

static void answer(int client) {
    char request[1024];
    if (read(client, request, sizeof request) > 0) {
        utsname machine{};
        uname(&machine);
        std::string body = std::to_string(weight(3)) + " kg on " + machine.machine;
        std::string head = "HTTP/1.0 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n";
        std::string text = head + body;
        if (write(client, text.data(), text.size()) < 0) std::cerr << "the client is gone\n";
    }
    close(client);
}

int main() {
    int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(8080);
    if (bind(server, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) return 1;
    listen(server, 16);
    while (true) std::thread(answer, accept(server, nullptr, nullptr)).detach();
}
