# Sourced by every `decide` that is a script, and by `probe`, in the native bash. With musl
# twin.ash stands in its place, for the shell of busybox.
#
# `decide STARTED AUTHOR WORD...` is run by the starter (starter.c), at every call, in the caller's folder and in an
# environment of its own: STARTED is the path of the wrapper, AUTHOR that of the program which the author would have
# got (empty: none), the words are the author's, from the program's name on. What it prints is understood only as a whole:
#   hand_over WHY       the author's program instead
#   native PROGRAM      this program, with the author's words, environment and descriptors
#     setting NAME=VALUE, no_setting NAME   but for these variables
#     argument WORD     and this word in front of the author's
#     alone             and none of the author's
#     call_it TEXT      and this as its own name
#     in_place          started in place of the starter: nobody waits, and a crash leaves no mark
#     silently          no line in the report
#     reporting         it has descriptor 9, too, and ends with 97 where what it made is not to be trusted
#   decided             the end
# and for what it asks:
#   value NAME          sets `value` to a variable of the author's; fails where it is not set
#   is_hostile TWIN     succeeds, and sets `why`, where the environment makes the twin another program than the author's,
#                       or the release is another one than the base image's
#   loads_code FILE     succeeds where that, a configuration of OpenSSL's, has it load code
#   unchanged LIST      succeeds where all files are still what a list of `record` says
# No subshell and no pipe where it can be had without: an assisted step pays for each at every call.
mount=/.xbuild-7c1f
set +o posix
set -f

# The first of two variables of one name is the one that programs see. Names that no program asks for are left out.
declare -A variables=()
read_environment() {
    local entries entry name
    mapfile -d '' -t entries <"$1" || exit 1 # nothing is decided then
    for entry in "${entries[@]}"; do
        name=${entry%%=*}
        case $entry in
        [A-Za-z_]*=*) [ -n "${variables[$name]+set}" ] || variables[$name]=${entry#*=} ;;
        esac
    done
}

value() {
    value=${variables[$1]-}
    [ -n "${variables[$1]+set}" ]
}

# Files `hostile` have one variable a line, with patterns; # begins a remark.
is_hostile() {
    local list pattern variable recorded now
    why=/etc/ld.so.preload
    [ ! -e "$why" ] || return 0
    why="another release"
    mapfile -d '' -t recorded <"$mount/os-release"
    { mapfile -d '' -t now </etc/os-release; } 2>/dev/null && [ "${recorded[*]}" = "${now[*]}" ] || return 0
    for list in "$mount/hostile" "$mount/$1/hostile"; do
        [ -e "$list" ] || continue
        while read -r pattern _; do
            case $pattern in '' | '#'*) continue ;; esac
            for variable in "${!variables[@]}"; do
                # shellcheck disable=SC2053
                if [[ $variable == $pattern && -n ${variables[$variable]} ]]; then
                    why="$variable is set"
                    return 0
                fi
            done
        done <"$list"
    done
    why=
    return 1
}

loads_code() {
    local text key keys=
    [ -e "$1" ] || return 1
    while read -r key _; do
        case $key in '' | '#'*) ;; *) keys+="|${key//./[.]}" ;; esac
    done <"$mount/openssl"
    { mapfile -d '' -t text <"$1"; } 2>/dev/null || return 0
    [[ $'\n'${text[*]}$'\n' =~ $'\n'[[:space:]]*(${keys#|})[^[:alnum:]_] ]]
}

unchanged() { "$mount/bin/sha256sum" --check --status "$1" 2>/dev/null; }

hand_over() {
    printf 'own %s\0end\0' "$1"
    exit 0
}
native() { printf 'run %s\0' "$1"; }
setting() { printf 'set %s\0' "$1"; }
no_setting() { printf 'unset %s\0' "$1"; }
argument() { printf 'arg %s\0' "$1"; }
call_it() { printf 'argv0 %s\0' "$1"; }
alone() { printf 'alone\0'; }
reporting() { printf 'report\0'; }
in_place() { printf 'replace\0'; }
silently() { printf 'quiet\0'; }
decided() {
    printf 'end\0'
    exit 0
}
