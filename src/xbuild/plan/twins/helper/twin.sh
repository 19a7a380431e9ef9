# Sourced by every wrapper, in the native bash. A wrapper is named as the program that it stands for.
#   hide             takes our folders out of PATH, so that nothing of ours is found by what is started
#   author           prints the path of the program that the author would have got
#   hostile TWIN     succeeds, and says why, where the environment makes the twin another program than the author's
#   say TEXT         one line for the report, to the copy of the step's own standard error and nowhere else
#   hand_over WHY ARG...  the author's program instead: nothing has happened yet
#   run PROGRAM ARG...    the native program, under the author's name; a crash leaves a mark
mount=/.xbuild-7c1f
set +o posix
name=${0##*/}
twin=${0%/bin/*} twin=${twin##*/}

hide() {
    local rest=$PATH: kept=
    while [ -n "$rest" ]; do
        case ${rest%%:*} in "$mount"/*) ;; *) kept+=${rest%%:*}: ;; esac
        rest=${rest#*:}
    done
    PATH=${kept%:}
}

author() { (hide; type -P "$name"); }

# Files `hostile` have one variable a line, with patterns; # begins a remark.
hostile() {
    local pattern variable line
    if [ -e /etc/ld.so.preload ]; then
        echo "/etc/ld.so.preload"
        return
    fi
    while read -r pattern _; do
        case $pattern in '' | '#'*) continue ;; esac
        while read -r variable; do
            # shellcheck disable=SC2053
            if [[ $variable == $pattern && -n ${!variable} ]]; then
                echo "$variable is set"
                return
            fi
        done < <(compgen -e)
    done < <("$mount/bin/cat" "$mount/hostile" "$mount/$1/hostile" 2>/dev/null)
    return 1
}

say() {
    [ -p /proc/self/fd/9 ] && [ /proc/self/fd/9 -ef /proc/1/fd/2 ] || return 0
    echo "xbuild-twin: $twin: $1" >&9
}

hand_over() {
    local program why=$1
    shift
    hide
    program=$(type -P "$name") || program=$name
    say "own: $why"
    exec -a "$name" "$program" "$@"
}
