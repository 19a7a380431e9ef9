/* Preloaded into the native apt alone. apt takes its settings for this machine from the file that APT_CONFIG names, and
 * would hand that variable on to dpkg, to the scripts of packages and to hooks, which are the image's own and never
 * had one. So what stands there is kept here, and taken out of the environment before apt begins.
 *
 * Made by `make-native` in the helper's room.
 */
extern char **environ;
static const char *settings;

static int names(const char *entry, const char *name)
{
    while (*name)
        if (*entry++ != *name++)
            return 0;
    return *entry == '=';
}

__attribute__((constructor)) static void forget(void)
{
    char **kept = environ;
    for (char **entry = environ; *entry; entry++) {
        if (names(*entry, "APT_CONFIG"))
            settings = *entry + sizeof "APT_CONFIG";
        else if (!names(*entry, "LD_PRELOAD"))
            *kept++ = *entry;
    }
    *kept = (char *)0;
}

/* getenv(3), but for that one variable. */
char *getenv(const char *name)
{
    if (settings && names("APT_CONFIG=", name))
        return (char *)settings;
    for (char **entry = environ; entry && *entry; entry++)
        if (names(*entry, name)) {
            const char *value = *entry;
            while (*value++ != '=')
                ;
            return (char *)value;
        }
    return (char *)0;
}
