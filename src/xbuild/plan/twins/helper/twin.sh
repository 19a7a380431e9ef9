# Sourced by every wrapper, in the native bash. A wrapper is named as the program that it stands for.
#   hide             takes our folders out of PATH, so that nothing of ours is found by what is started
#   find_author      sets `author` to the path of the program that the author would have got, after `hide`
#   is_hostile TWIN  succeeds, and sets `why`, where the environment makes the twin another program than the author's
#   say TEXT         one line for the report, to the copy of the step's own standard error and nowhere else
#   hand_over WHY ARG...  the author's program instead: nothing has happened yet
#   run PROGRAM ARG...    the native program, under the author's name; a crash leaves a mark
# No subshell and no pipe where it can be had without: an assisted step pays for each at every call.
mount=/.xbuild-7c1f
set +o posix
set -f
name=${0##*/}
twin=${0%/bin/*} twin=${twin##*/}

# Variables that bash has a use of its own for: given by the author they would come out otherwise (bash manual,
# "Bash Variables"). Where one is there, `taken` is its name, and only a twin with a file `exact` is any good, whose
# wrapper is no bash.
own_variables=' BASH BASHOPTS BASHPID COLUMNS COPROC DIRSTACK EUID FUNCNAME GROUPS HISTCMD HOSTTYPE IFS LINENO LINES
MACHTYPE MAPFILE OPTARG OPTERR OPTIND OSTYPE PIPESTATUS POSIXLY_CORRECT PPID RANDOM REPLY SECONDS SHELLOPTS SRANDOM UID '
own_variables=${own_variables//$'\n'/ }
taken=

# bash exports what the caller did not; SHLVL and _ it exports again at every start.
keep_environment() {
    local entry given=' '
    while IFS= read -r -d '' entry; do
        entry=${entry%%=*}
        given+="$entry "
        case $entry in BASH_* | COMP_* | EPOCH* | READLINE_*) taken=$entry ;; esac
        [[ $own_variables != *" $entry "* ]] || taken=$entry
    done </proc/self/environ
    for entry in PWD OLDPWD; do
        [[ $given == *" $entry "* ]] || export -n "$entry"
    done
}
keep_environment

hide() {
    local rest=$PATH: kept=
    while [ -n "$rest" ]; do
        case ${rest%%:*} in "$mount"/*) ;; *) kept+=${rest%%:*}: ;; esac
        rest=${rest#*:}
    done
    PATH=${kept%:}
}

# As execvp finds it: a file that may be executed, in the first folder that has one.
find_author() {
    local rest=$PATH: place
    author=
    while [ -n "$rest" ]; do
        place=${rest%%:*} rest=${rest#*:}
        author=${place:-.}/$name
        [ ! -f "$author" ] || [ ! -x "$author" ] || return 0
    done
    author=
    return 1
}

# Files `hostile` have one variable a line, with patterns; # begins a remark.
is_hostile() {
    local list pattern variable
    why="$taken is set"
    [ -z "$taken" ] || [ -e "$mount/$1/exact" ] || return 0
    why=/etc/ld.so.preload
    [ ! -e "$why" ] || return 0
    for list in "$mount/hostile" "$mount/$1/hostile"; do
        [ -e "$list" ] || continue
        while read -r pattern _; do
            case $pattern in
            '' | '#'*) ;;
            *'*')
                eval "set -- \"\${!${pattern%\*}@}\""
                for variable; do
                    why="$variable is set"
                    [ -z "${!variable}" ] || return 0
                done
                ;;
            *)
                why="$pattern is set"
                [ -z "${!pattern}" ] || return 0
                ;;
            esac
        done <"$list"
    done
    why=
    return 1
}

# Descriptor 9 is ours where it is a pipe without a name that was opened for appending, as only `env` does.
is_ours() {
    local key value flags=0 place=9 pipes=0 pipe
    [ -p /proc/self/fd/9 ] || return 1
    while read -r key value; do
        case $key in flags:) flags=$value ;; mnt_id:) place=$value ;; esac
    done </proc/self/fdinfo/9
    ((flags & 02000)) || return 1
    exec {pipe}< <(:)
    while read -r key value; do
        [ "$key" != mnt_id: ] || pipes=$value
    done <"/proc/self/fdinfo/$pipe"
    exec {pipe}<&-
    [ "$place" = "$pipes" ]
}
say() { ! is_ours || echo "xbuild-twin: $twin: $1" >&9; }

hand_over() {
    local why=$1
    shift
    hide
    find_author || author=$name
    say "own: $why"
    exec -a "$name" "$author" "$@"
}

# Signals go on to the program; what ended it ends us.
run() {
    local program=$1 signal child status
    shift
    for signal in TERM HUP INT QUIT USR1 USR2 ALRM CONT; do
        # shellcheck disable=SC2064
        trap "kill -$signal \"\$child\" 2>/dev/null" "$signal"
    done
    (
        trap - INT QUIT
        ! is_ours || exec 9>&-
        exec -a "$name" "$program" "$@"
    ) <&0 &
    child=$!
    while :; do
        { wait "$child"; } 2>/dev/null # bash would tell of a crash
        status=$?
        kill -0 "$child" 2>/dev/null || break
    done
    trap - TERM HUP INT QUIT
    case $status in
    13[2-6] | 139 | 159) say "mark: ended with status $status" ;;
    129 | 130 | 131 | 137 | 141 | 143) kill -$((status - 128)) $$ ;;
    esac
    exit "$status"
}
