int work(int, char **);
int main(int argc, char **argv) { return work(argc, argv) & 0; }
