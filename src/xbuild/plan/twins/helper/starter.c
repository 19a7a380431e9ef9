/* The starter: every wrapper of a twin is a copy of this program.
 *
 * The author's shell starts it under the name of a program that has a twin. It asks the twin's `decide` what to do,
 * which runs in a clean environment, and then starts what that says, or the author's own program, with the author's
 * environment, words and descriptors exactly as they came. It is static and uses no library, so that no variable
 * (LD_PRELOAD, BASH_ENV, ...) changes it, and nothing appears on standard error or in an environment that a shell
 * in its place would put there.
 *
 * How `decide` is called and what it prints: prepare.sh and twin.sh. Made by `make-native` beside this file.
 */
typedef unsigned long size;
typedef long word;

#define MOUNT "/.xbuild-7c1f"
#define REPORT 9
#define NULL ((void *)0)

/* System calls that both machines have, by number: asm/unistd_64.h and asm-generic/unistd.h of Linux. */
#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, FSTAT = 5, MMAP = 9, SIGPROCMASK = 14, CLONE = 56, EXECVE = 59, EXIT = 60, WAIT4 = 61,
       KILL = 62, FCNTL = 72, GETPPID = 110, SIGTIMEDWAIT = 128, PRCTL = 157, OPENAT = 257, NEWFSTATAT = 262, READLINKAT = 267,
       FACCESSAT = 269, DUP3 = 292, PIPE2 = 293, GETPID = 39, RT_SIGACTION = 13 };
static word call(word n, word a, word b, word c, word d, word e, word f)
{
    word result;
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    register word r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call begin\n");
struct stat { size device, inode, links; unsigned mode, user, group, padding; size rest[14]; };
enum { SIZE = 1, SECONDS = 6 }; /* in `rest`; nanoseconds are behind the seconds */
#elif defined(__aarch64__)
enum { READ = 63, WRITE = 64, CLOSE = 57, FSTAT = 80, MMAP = 222, SIGPROCMASK = 135, CLONE = 220, EXECVE = 221, EXIT = 93,
       WAIT4 = 260, KILL = 129, FCNTL = 25, GETPPID = 173, SIGTIMEDWAIT = 137, PRCTL = 167, OPENAT = 56, NEWFSTATAT = 79,
       READLINKAT = 78, FACCESSAT = 48, DUP3 = 24, PIPE2 = 59, GETPID = 172, RT_SIGACTION = 134 };
static word call(word n, word a, word b, word c, word d, word e, word f)
{
    register word x8 __asm__("x8") = n;
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    register word x4 __asm__("x4") = e;
    register word x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x0,sp\n bl begin\n");
struct stat { size device, inode; unsigned mode, links, user, group; size rest[14]; };
enum { SIZE = 2, SECONDS = 7 };
#else
#error "a build machine is amd64 or arm64"
#endif

enum { HERE = -100, CLOSE_ON_EXEC = 02000000, APPEND = 02000, WRITE_ONLY = 01, READ_WRITE = 02, CREATE = 0100, EXCLUSIVE = 0200 };
enum { KIND = 0170000, REGULAR = 0100000, PIPE = 0010000 };
enum { SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGSEGV = 11, SIGCHLD = 17, SIGCONT = 18,
       SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGSYS = 31 };
enum { NO_ENTRY = 2, NO_FORMAT = 8, AGAIN = 11, INTERRUPTED = 4, MISSING = 127, FAILED = 126, MARKED = 97 };
enum { EXECFN = 31, MASK_SIZE = 8, SET_MASK = 2, NO_HANG = 1, PARENT_DEATH = 1, GET_FLAGS = 3 };

void *memset(void *to, int value, size count)
{
    for (char *at = to; count--; at++)
        *at = (char)value;
    return to;
}

void *memcpy(void *to, const void *from, size count)
{
    char *at = to;
    for (const char *source = from; count--;)
        *at++ = *source++;
    return to;
}

static size length(const char *text)
{
    size count = 0;
    while (text[count])
        count++;
    return count;
}

static int begins(const char *text, const char *with)
{
    while (*with)
        if (*text++ != *with++)
            return 0;
    return 1;
}

static int equals(const char *one, const char *other)
{
    return begins(one, other) && !one[length(other)];
}

static int has_slash(const char *text)
{
    for (; *text; text++)
        if (*text == '/')
            return 1;
    return 0;
}

__attribute__((noreturn)) static void leave(int status)
{
    for (;;)
        call(EXIT, status, 0, 0, 0, 0, 0);
}

/* Memory that is never given back. */
static char *take(size count)
{
    static char *next;
    static size left;
    count = (count + 15) & ~15UL;
    if (count > left) {
        size chunk = count + (1UL << 18);
        word made = call(MMAP, 0, (word)chunk, 3, 0x22, -1, 0);
        if (made < 0 && made > -4096)
            leave(FAILED);
        next = (char *)made, left = chunk;
    }
    char *taken = next;
    next += count, left -= count;
    return taken;
}

static char *joined(const char *one, const char *two, const char *three)
{
    size a = length(one), b = length(two), c = length(three);
    char *made = take(a + b + c + 1);
    memcpy(made, one, a);
    memcpy(made + a, two, b);
    memcpy(made + a + b, three, c);
    made[a + b + c] = 0;
    return made;
}

/* struct sigaction as the kernel has it. */
struct action { size handler, flags, restorer, mask; };

/* A caller may ignore the end of its children, and then nobody can wait for ours. */
static struct action children;
static void expect_children(void)
{
    struct action usual = {0, 0, 0, 0};
    call(RT_SIGACTION, SIGCHLD, (word)&usual, (word)&children, MASK_SIZE, 0, 0);
}
static void restore_children(void)
{
    call(RT_SIGACTION, SIGCHLD, (word)&children, 0, MASK_SIZE, 0, 0);
}

/* What this call is. */
static char **environment;   /* as it came */
static char **cleaned;       /* the same without our folders */
static char **words;         /* the author's, from the program's name on */
static const char *started;  /* the path of this wrapper */
static const char *twin;     /* the name of its room */
static const char *author;   /* the program that the author would have got, or an empty text */

/* -- the report */

/* Whether descriptor 9 is a pipe without a name that was opened for appending, as only `env` does. */
static int is_ours(void)
{
    struct stat seen, pipe;
    int ends[2];
    word flags = call(FCNTL, REPORT, GET_FLAGS, 0, 0, 0, 0);
    if (flags < 0 || !(flags & APPEND) || call(FSTAT, REPORT, (word)&seen, 0, 0, 0, 0) < 0 || (seen.mode & KIND) != PIPE)
        return 0;
    if (call(PIPE2, (word)ends, CLOSE_ON_EXEC, 0, 0, 0, 0) < 0)
        return 0;
    int is_same = call(FSTAT, ends[0], (word)&pipe, 0, 0, 0, 0) >= 0 && pipe.device == seen.device;
    call(CLOSE, ends[0], 0, 0, 0, 0, 0);
    call(CLOSE, ends[1], 0, 0, 0, 0, 0);
    return is_same;
}

static int say(const char *kind, const char *why)
{
    if (!*twin || !is_ours())
        return 0;
    char *line = joined(joined("xbuild-twin: ", twin, ": "), kind, joined(why, "\n", ""));
    return call(WRITE, REPORT, (word)line, (word)length(line), 0, 0, 0) == (word)length(line);
}

/* What is started sees no descriptor that an emulated RUN would not have. */
static void close_report(void)
{
    if (is_ours())
        call(CLOSE, REPORT, 0, 0, 0, 0, 0);
}

static int leave_file(const char *path)
{
    word file = call(OPENAT, HERE, (word)path, WRITE_ONLY | CREATE | CLOSE_ON_EXEC, 0644, 0, 0);
    if (file >= 0)
        call(CLOSE, file, 0, 0, 0, 0, 0);
    return file >= 0;
}

/* The author's shell fails at its end where it finds the first file (`env`), which is in memory, so that no such step
 * comes from a cache. A crash must not be lost where that cannot be, or where nobody hears: a file with the mount's name
 * is found in the layer. */
static void mark(const char *why)
{
    static const char *const places[] = {MOUNT "-mark", "/tmp" MOUNT "-mark", "/var/tmp" MOUNT "-mark", "." MOUNT "-mark"};
    int is_said = say("mark: ", why), is_left = leave_file("/dev/shm" MOUNT "-mark");
    for (size at = 0; !(is_said && is_left) && at < sizeof places / sizeof *places; at++)
        leave_file(places[at]);
}

/* -- the author's program and environment */

static const char *value_of(const char *name)
{
    for (char **entry = environment; *entry; entry++)
        if (begins(*entry, name) && (*entry)[length(name)] == '=')
            return *entry + length(name) + 1;
    return NULL;
}

static int is_entry(const char *entry, const char *name, size count)
{
    for (size at = 0; at < count; at++)
        if (entry[at] != name[at] || !entry[at])
            return 0;
    return entry[count] == '=';
}

/* A search path without our folders. */
static char *without_ours(const char *path)
{
    char *kept = take(length(path) + 1), *to = kept;
    int is_first = 1;
    for (const char *at = path;; at++) {
        const char *end = at;
        while (*end && *end != ':')
            end++;
        if (!begins(at, MOUNT "/")) {
            if (!is_first)
                *to++ = ':';
            is_first = 0;
            memcpy(to, at, (size)(end - at));
            to += end - at;
        }
        at = end;
        if (!*at)
            break;
    }
    *to = 0;
    return kept;
}

static void clean_environment(void)
{
    size count = 0;
    while (environment[count])
        count++;
    cleaned = (char **)take((count + 1) * sizeof *cleaned);
    for (size at = 0; at <= count; at++) {
        char *entry = environment[at];
        if (entry && begins(entry, "PATH="))
            entry = joined("PATH=", without_ours(entry + 5), "");
        else if (entry && begins(entry, "_=") && equals(entry + 2, started)) /* bash says what it starts */
            entry = joined("_=", author, "");
        cleaned[at] = entry;
    }
}

static int is_file(const char *path)
{
    struct stat seen;
    return call(NEWFSTATAT, HERE, (word)path, (word)&seen, 0, 0, 0) >= 0 && (seen.mode & KIND) == REGULAR;
}

static int is_program(const char *path)
{
    return is_file(path) && call(FACCESSAT, HERE, (word)path, 1, 0, 0, 0) >= 0;
}

/* As execvp finds it. Where our own folder is in the path the shell had got as far as that: what stands in front of it
 * now came later, and a shell that remembers the place of a name does not see it. A file that may not be started is
 * what is found where there is no other. */
static const char *find(const char *name, const char *after)
{
    const char *path = value_of("PATH");
    size count = length(after);
    if (has_slash(name))
        return name;
    if (!path)
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    const char *start = path, *barred = "";
    for (const char *at = path; count && *at; at++)
        if ((at == path || at[-1] == ':') && begins(at, after) && (!at[count] || at[count] == ':')) {
            start = at;
            break;
        }
    for (const char *at = start;; at++) {
        const char *end = at;
        while (*end && *end != ':')
            end++;
        if (!begins(at, MOUNT "/")) {
            char *place = take((size)(end - at) + 1);
            memcpy(place, at, (size)(end - at));
            place[end - at] = 0;
            const char *found = joined(*place ? place : ".", "/", name);
            if (is_program(found))
                return found;
            if (!*barred && is_file(found))
                barred = found;
        }
        at = end;
        if (!*at)
            return barred;
    }
}

static void complain(const char *program, const char *why)
{
    char *line = joined(program, why, "\n");
    call(WRITE, 2, (word)line, (word)length(line), 0, 0, 0);
}

/* The author's own program, as if nothing had been here. */
__attribute__((noreturn)) static void hand_over(const char *why)
{
    say("own: ", why);
    close_report();
    restore_children();
    const char *program = *author ? author : words[0];
    word error = -NO_ENTRY;
    if (*author)
        error = call(EXECVE, (word)program, (word)words, (word)cleaned, 0, 0, 0);
    if (error == -NO_FORMAT) { /* for a shell it is a script of its own */
        size count = 0;
        while (words[count])
            count++;
        const char **script = (const char **)take((count + 2) * sizeof *script);
        script[0] = "/bin/sh";
        script[1] = program;
        for (size at = 1; at <= count; at++)
            script[at + 1] = words[at];
        error = call(EXECVE, (word)script[0], (word)script, (word)cleaned, 0, 0, 0);
    }
    complain(words[0], error == -NO_ENTRY ? ": not found" : ": Permission denied");
    leave(error == -NO_ENTRY ? MISSING : FAILED);
}

/* -- the decision */

static char *answer;
static size answered;

/* Runs `decide`; gives whether it ended well. */
static int ask(void)
{
    int ends[2], status = 0;
    size count = 0, room = 1UL << 16;
    while (words[count])
        count++;
    const char **call_words = (const char **)take((count + 4) * sizeof *call_words);
    static const char *const clean[] = {"LC_ALL=C", "PATH=" MOUNT "/bin", NULL};
    call_words[0] = joined(MOUNT "/", twin, "/decide");
    call_words[1] = started;
    call_words[2] = author;
    for (size at = 0; at <= count; at++)
        call_words[at + 3] = words[at];
    if (call(PIPE2, (word)ends, CLOSE_ON_EXEC, 0, 0, 0, 0) < 0)
        return 0;
    word child = call(CLONE, SIGCHLD, 0, 0, 0, 0, 0);
    if (child < 0)
        return 0;
    if (!child) {
        word nothing = call(OPENAT, HERE, (word) "/dev/null", READ_WRITE, 0, 0, 0);
        close_report();
        /* The pipe's end may itself have one of the numbers that are set here: out of the way first. */
        word out = call(FCNTL, ends[1], 0, 10, 0, 0, 0);
        if (nothing < 0 || out < 0)
            leave(FAILED);
        call(DUP3, out, 1, 0, 0, 0, 0);
        if (nothing != 0)
            call(DUP3, nothing, 0, 0, 0, 0, 0);
        if (nothing != 2)
            call(DUP3, nothing, 2, 0, 0, 0, 0);
        if (nothing > 2)
            call(CLOSE, nothing, 0, 0, 0, 0, 0);
        call(CLOSE, out, 0, 0, 0, 0, 0);
        call(EXECVE, (word)call_words[0], (word)call_words, (word)clean, 0, 0, 0);
        leave(FAILED);
    }
    call(CLOSE, ends[1], 0, 0, 0, 0, 0);
    answer = take(room);
    for (;;) {
        if (answered == room) {
            char *larger = take(room * 4);
            memcpy(larger, answer, answered);
            answer = larger, room *= 4;
        }
        word got = call(READ, ends[0], (word)(answer + answered), (word)(room - answered), 0, 0, 0);
        if (got == -INTERRUPTED)
            continue;
        if (got <= 0)
            break;
        answered += (size)got;
    }
    call(CLOSE, ends[0], 0, 0, 0, 0, 0);
    while (call(WAIT4, child, (word)&status, 0, 0, 0, 0) == -INTERRUPTED)
        ;
    return status == 0;
}

struct plan {
    const char *program, *name, *why;
    const char **before;
    size count;
    int is_replaced, is_quiet, is_alone, is_reporting, is_complete;
};

/* Puts an entry in the place of those of its name; an entry without `=` takes them out. */
static void change_environment(char ***entries, const char *entry)
{
    size name = 0, count = 0, kept = 0;
    while (entry[name] && entry[name] != '=')
        name++;
    while ((*entries)[count])
        count++;
    char **made = (char **)take((count + 2) * sizeof *made);
    int is_placed = !entry[name];
    for (size at = 0; at < count; at++) {
        if (!is_entry((*entries)[at], entry, name))
            made[kept++] = (*entries)[at];
        else if (!is_placed)
            made[kept++] = (char *)entry, is_placed = 1;
    }
    if (!is_placed)
        made[kept++] = (char *)entry;
    made[kept] = NULL;
    *entries = made;
}

static struct plan read_answer(char ***entries)
{
    struct plan plan = {NULL, words[0], NULL, NULL, 0, 0, 0, 0, 0, 0};
    size records = 0;
    for (size at = 0; at < answered; at++)
        records += !answer[at];
    plan.before = (const char **)take((records + 1) * sizeof *plan.before);
    if (!answered || answer[answered - 1])
        return plan;
    for (char *record = answer; record < answer + answered; record += length(record) + 1) {
        if (plan.is_complete) {
            plan.is_complete = 0; /* something stands behind the end */
            return plan;
        }
        if (begins(record, "own "))
            plan.why = record + 4;
        else if (begins(record, "run /"))
            plan.program = record + 4;
        else if (begins(record, "argv0 "))
            plan.name = record + 6;
        else if (begins(record, "arg "))
            plan.before[plan.count++] = record + 4;
        else if (begins(record, "set ") || begins(record, "unset "))
            change_environment(entries, record + (*record == 's' ? 4 : 6));
        else if (equals(record, "replace"))
            plan.is_replaced = 1;
        else if (equals(record, "quiet"))
            plan.is_quiet = 1;
        else if (equals(record, "alone"))
            plan.is_alone = 1;
        else if (equals(record, "report"))
            plan.is_reporting = 1;
        else if (equals(record, "end"))
            plan.is_complete = 1;
        else
            return plan;
    }
    return plan;
}

/* -- the native program */

static size signals(void)
{
    size all = ~0UL;
    static const int not_ours[] = {SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, 32, 33};
    for (size at = 0; at < sizeof not_ours / sizeof *not_ours; at++)
        all &= ~(1UL << (not_ours[at] - 1));
    return all;
}

static int is_crash(int number)
{
    static const int crashes[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    for (size at = 0; at < sizeof crashes / sizeof *crashes; at++)
        if (crashes[at] == number)
            return 1;
    return 0;
}

static const char *number_text(int number)
{
    char *text = take(4);
    int at = 0;
    if (number >= 10)
        text[at++] = (char)('0' + number / 10);
    text[at++] = (char)('0' + number % 10);
    text[at] = 0;
    return text;
}

/* As the program ended. One that reports says by a status that what it made is not to be trusted. */
__attribute__((noreturn)) static void end_as(int status, int is_reporting)
{
    int number = status & 0x7f;
    if (!number && is_reporting && status >> 8 == MARKED)
        mark("it cannot go on");
    if (!number)
        leave((status >> 8) & 0xff);
    if (is_crash(number))
        mark(joined("ended by signal ", number_text(number), ""));
    struct action usual = {0, 0, 0, 0};
    size none = 0;
    if (number != SIGKILL)
        call(RT_SIGACTION, number, (word)&usual, 0, MASK_SIZE, 0, 0);
    call(SIGPROCMASK, SET_MASK, (word)&none, 0, MASK_SIZE, 0, 0);
    call(KILL, call(GETPID, 0, 0, 0, 0, 0, 0), number, 0, 0, 0, 0);
    leave(128 + number);
}

__attribute__((noreturn)) static void start(const struct plan *plan, const char **arguments, char **entries)
{
    restore_children();
    call(EXECVE, (word)plan->program, (word)arguments, (word)entries, 0, 0, 0);
    hand_over("the native program does not start"); /* nothing has happened yet */
}

/* A signal sent to us is sent on; what the terminal sends has reached the program already. */
__attribute__((noreturn)) static void run(const struct plan *plan, const char **arguments, char **entries)
{
    size all = signals(), before = 0;
    call(SIGPROCMASK, SET_MASK, (word)&all, (word)&before, MASK_SIZE, 0, 0);
    word us = call(GETPID, 0, 0, 0, 0, 0, 0), child = call(CLONE, SIGCHLD, 0, 0, 0, 0, 0);
    if (child <= 0) {
        call(SIGPROCMASK, SET_MASK, (word)&before, 0, MASK_SIZE, 0, 0);
        if (child < 0)
            hand_over("no process");
        /* Where we are killed it ends as well, as the author's one program would have. */
        call(PRCTL, PARENT_DEATH, SIGKILL, 0, 0, 0, 0);
        if (call(GETPPID, 0, 0, 0, 0, 0, 0) != us)
            leave(128 + SIGKILL);
        if (!plan->is_reporting)
            close_report();
        start(plan, arguments, entries);
    }
    for (;;) {
        int status = 0;
        struct { int number, error, code, rest[29]; } came;
        word got = call(SIGTIMEDWAIT, (word)&all, (word)&came, 0, MASK_SIZE, 0, 0);
        if (got < 0)
            continue;
        if (got == SIGCHLD) {
            if (call(WAIT4, child, (word)&status, NO_HANG, 0, 0, 0) == child)
                end_as(status, plan->is_reporting);
        } else if (came.code <= 0)
            call(KILL, child, got, 0, 0, 0, 0);
    }
}

/* -- what was called */

static const char *read_line(const char *path)
{
    char *text = take(4096);
    word file = call(OPENAT, HERE, (word)path, CLOSE_ON_EXEC, 0, 0, 0);
    word got = file < 0 ? -1 : call(READ, file, (word)text, 4095, 0, 0, 0);
    if (file >= 0)
        call(CLOSE, file, 0, 0, 0, 0, 0);
    text[got < 0 ? 0 : got] = 0;
    for (char *at = text; *at; at++)
        if (*at == '\n')
            *at = 0;
    return text;
}

/* A number in decimals, of so many digits at least. */
static char *decimals(size number, int digits)
{
    char *text = take(24), *at = text + 23;
    for (*at = 0; number || digits > 0; number /= 10, digits--)
        *--at = (char)('0' + number % 10);
    return at;
}

/* Whether the loader or the C library of a native program would be told to load what is the target's. */
static int is_led(void)
{
    static const char *const names[] = {"LD_", "FAKE", "GCONV_PATH=", "GLIBC_TUNABLES=", "LOCPATH=", "NLSPATH=", "MALLOC_"};
    for (char **entry = environment; *entry; entry++)
        for (size at = 0; at < sizeof names / sizeof *names; at++)
            if (begins(*entry, names[at]))
                return 1;
    return call(FACCESSAT, HERE, (word) "/etc/ld.so.preload", 0, 0, 0, 0) >= 0;
}

/* The folder of a path. */
static char *folder_of(const char *path, const char *name)
{
    char *folder = joined(path, "", "");
    folder[name - path - 1] = 0;
    return folder;
}

/* A tool of the scripts of packages: no `decide`, but the file NAME.same beside it, of size, time and native program.
 * The native one, unless the search path leads to another file by now than when the helper was made: packages that are
 * installed may bring or divert one. The environment stays as it is. */
static void pass(char **argv)
{
    const char *line = read_line(joined(started, ".same", "")), *name = started;
    if (!*line)
        return;
    for (const char *at = started; *at; at++)
        if (*at == '/')
            name = at + 1;
    const char *own = find(name, folder_of(started, name));
    struct stat seen;
    if (*own && !is_led() && call(NEWFSTATAT, HERE, (word)own, (word)&seen, 0, 0, 0) >= 0) {
        const char *time = joined(decimals(seen.rest[SECONDS], 1), ".", decimals(seen.rest[SECONDS + 1], 9));
        const char *same = joined(joined(decimals(seen.rest[SIZE], 1), " ", time), " ", "");
        if (begins(line, same))
            call(EXECVE, (word)(line + length(same)), (word)argv, (word)environment, 0, 0, 0);
    }
    words = argv, author = own, cleaned = environment, twin = "";
    expect_children();
    hand_over("another program");
}

/* $mount/TWIN/bin/NAME and $mount/TWIN/late/NAME/NAME stand for a name, $mount/TWIN/NAME stands in front of the author's
 * word, and any other for the program that the file NAME.own beside it names. */
static int understand(char **argv, word count)
{
    if (!begins(started, MOUNT "/"))
        return 0;
    const char *room = started + length(MOUNT "/"), *end = room, *name = started;
    while (*end && *end != '/')
        end++;
    if (!*end)
        return 0;
    char *copied = take((size)(end - room) + 1);
    memcpy(copied, room, (size)(end - room));
    copied[end - room] = 0;
    twin = copied;
    words = argv;
    for (const char *at = started; *at; at++)
        if (*at == '/')
            name = at + 1;
    if (name == end + 1) {
        if (count < 2)
            return 0;
        words = argv + 1;
        author = find(words[0], "");
    } else if ((begins(end, "/bin/") && name == end + 5) || begins(end, "/late/"))
        author = find(name, folder_of(started, name));
    else {
        author = read_line(joined(started, ".own", ""));
        if (*author && begins(words[0], MOUNT "/")) /* a driver names what it found */
            words[0] = (char *)author;
    }
    return 1;
}

__attribute__((used, noreturn)) void begin(word *stack)
{
    word count = stack[0];
    char **argv = (char **)(stack + 1);
    environment = argv + count + 1;
    word *values = (word *)environment;
    while (*values)
        values++;
    for (values++; values[0]; values += 2)
        if (values[0] == EXECFN)
            started = (const char *)values[1];
    if (!started || !begins(started, MOUNT "/")) {
        char *path = take(4096);
        word got = call(READLINKAT, HERE, (word) "/proc/self/exe", (word)path, 4095, 0, 0);
        path[got < 0 ? 0 : got] = 0;
        started = path;
    }
    if (count > 0)
        pass(argv);
    if (count < 1 || !understand(argv, count))
        leave(MISSING);
    clean_environment();
    expect_children();
    char **entries = cleaned;
    if (*author && !is_program(author))
        hand_over("it may not be started");
    if (!ask())
        hand_over("it cannot be decided");
    struct plan plan = read_answer(&entries);
    if (!plan.is_complete || (!plan.program && !plan.why))
        hand_over("it cannot be decided");
    if (plan.why)
        hand_over(plan.why);
    size words_count = 0;
    while (words[words_count])
        words_count++;
    char **author_words = plan.is_alone ? words + words_count : words + 1;
    const char **arguments = (const char **)take((plan.count + words_count + 1) * sizeof *arguments);
    arguments[0] = plan.name;
    memcpy(arguments + 1, plan.before, plan.count * sizeof *arguments);
    memcpy(arguments + 1 + plan.count, author_words, (plan.is_alone ? 1 : words_count) * sizeof *arguments);
    if (!plan.is_quiet)
        say("native", "");
    if (plan.is_replaced) {
        close_report();
        start(&plan, arguments, entries);
    }
    run(&plan, arguments, entries);
}
