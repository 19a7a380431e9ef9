/* Preloaded into the native apk alone, which is told by the variable XBUILD_7C1F for which architecture the author's
 * own program is, and where that lies. apk-tools 3 writes the first into its log ("compiled for", src/apk.c), and asks by
 * the second which package it is itself of, so as to bring that up to date before all others (/proc/self/exe,
 * src/app_upgrade.c). Both variables are taken out of the environment before apk begins: what it starts is the image's.
 *
 * Made by `make-native` in the helper's room. The functions of the C library are musl's, and found when it is loaded.
 */
typedef unsigned long size;
typedef __builtin_va_list list;

extern char **environ;
extern void *dlsym(void *, const char *);
static const char *architecture, *program;
static int (*print)(void *, const char *, list);
static long (*read_link)(int, const char *, char *, size);

static int names(const char *entry, const char *name)
{
    while (*name)
        if (*entry++ != *name++)
            return 0;
    return *entry == '=';
}

/* What is behind `with` in a text that has it. */
static const char *behind(const char *text, const char *with)
{
    for (; *text; text++) {
        size at = 0;
        while (with[at] && text[at] == with[at])
            at++;
        if (!with[at])
            return text + at;
    }
    return (const char *)0;
}

__attribute__((constructor)) static void forget(void)
{
    char **kept = environ;
    for (char **entry = environ; *entry; entry++) {
        if (names(*entry, "XBUILD_7C1F"))
            architecture = *entry + sizeof "XBUILD_7C1F";
        else if (!names(*entry, "LD_PRELOAD"))
            *kept++ = *entry;
    }
    *kept = (char *)0;
    if (architecture)
        program = behind(architecture, " ");
    print = (int (*)(void *, const char *, list))dlsym((void *)-1, "vfprintf");
    read_link = (long (*)(int, const char *, char *, size))dlsym((void *)-1, "readlinkat");
}

/* vfprintf(3); its own version is told as the author's program would tell it. */
int vfprintf(void *file, const char *format, list words)
{
    char text[256];
    size at = 0;
    const char *own = behind(format, "compiled for ");
    if (!program || !own || behind(format, "apk-tools ") != format + sizeof "apk-tools " - 1)
        return print(file, format, words);
    for (const char *from = format; from < own && at < sizeof text - 1;)
        text[at++] = *from++;
    for (const char *from = architecture; *from != ' ' && at < sizeof text - 1;)
        text[at++] = *from++;
    while (*own && *own != '.')
        own++;
    while (*own && at < sizeof text - 1)
        text[at++] = *own++;
    text[at] = 0;
    return print(file, text, words);
}

/* readlinkat(2); the program that runs is the author's. */
long readlinkat(int folder, const char *path, char *to, size room)
{
    const char *exe = "/proc/self/exe", *at = path;
    while (*exe && *at == *exe)
        at++, exe++;
    if (!program || *exe || *at)
        return read_link(folder, path, to, room);
    size count = 0;
    for (; program[count] && count < room; count++)
        to[count] = program[count];
    return (long)count;
}
