#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
template <class T, int N> struct Power { static constexpr T of(T x) { return x * Power<T, N - 1>::of(x); } };
template <class T> struct Power<T, 0> { static constexpr T of(T) { return 1; } };
struct Base { virtual ~Base() = default; virtual std::string name() const { return "base"; } };
struct Derived : Base { std::string name() const override { return "derived"; } };
extern "C" int thrown(int n) { try { if (n > 3) throw std::runtime_error("many"); return n; } catch (const std::exception &e) { return -static_cast<int>(std::string(e.what()).size()); } }
int main(int argc, char **argv)
{
    std::map<std::string, std::vector<double>> m;
    for (int i = 0; i < argc; i++) m[argv[i]].push_back(Power<double, 5>::of(1.1 + i));
    std::unique_ptr<Base> b = std::make_unique<Derived>();
    auto f = [&](auto x) { return b->name() + std::to_string(x); };
    std::thread t([] { std::cout << "thread\n"; });
    t.join();
    for (auto &[k, v] : m) std::cout << f(v[0]) << thrown(argc) << "\n";
}
