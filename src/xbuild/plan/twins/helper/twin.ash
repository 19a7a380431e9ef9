# Sourced by every `decide` that is a script for it, and by `probe`, in the native shell of busybox: what twin.sh has,
# where bash reads it, with these words alone. See there what `decide` prints, and how it is called.
mount=/.xbuild-7c1f
set -f
IFS=' 	
'
_xbuild_7c1f_names='' _xbuild_7c1f_odd=

# The first of two variables of one name is the one that programs see. Names that no program asks for are left out.
read_environment() {
    local entry name
    [ -r "$1" ] || exit 1 # nothing is decided then
    while IFS= read -r -d '' entry || [ -n "$entry" ]; do
        name=${entry%%=*}
        case $entry in
        [A-Za-z_]*=*) ;;
        *) continue ;;
        esac
        case $name in
        *[!A-Za-z0-9_]*) _xbuild_7c1f_odd="$_xbuild_7c1f_odd$name=" ;;
        *)
            eval "[ -n \"\${_xbuild_7c1f_of_$name+set}\" ] || {
                _xbuild_7c1f_of_$name=\${entry#*=}
                _xbuild_7c1f_names=\"\$_xbuild_7c1f_names \$name\"
            }"
            ;;
        esac
    done <"$1"
}

value() { eval "value=\${_xbuild_7c1f_of_$1-}; [ -n \"\${_xbuild_7c1f_of_$1+set}\" ]"; }

# Files `hostile` have one variable a line, with patterns; # begins a remark. Of variables with odd names what they
# are set to is not looked at.
is_hostile() {
    local list pattern variable recorded now rest
    why=/etc/ld.so.preload
    [ ! -e "$why" ] || return 0
    why="another release"
    IFS= read -r -d '' recorded <"$mount/os-release"
    { IFS= read -r -d '' now </etc/os-release; } 2>/dev/null
    [ -n "$recorded" ] && [ "$recorded" = "$now" ] || return 0
    for list in "$mount/hostile" "$mount/$1/hostile"; do
        [ -e "$list" ] || continue
        while read -r pattern _; do
            case $pattern in '' | '#'*) continue ;; esac
            for variable in $_xbuild_7c1f_names; do
                # shellcheck disable=SC2254
                case $variable in
                $pattern)
                    why="$variable is set"
                    eval "[ -z \"\$_xbuild_7c1f_of_$variable\" ]" || return 0
                    ;;
                esac
            done
            rest=$_xbuild_7c1f_odd
            while [ -n "$rest" ]; do
                # shellcheck disable=SC2254
                case ${rest%%=*} in
                $pattern)
                    why="${rest%%=*} is set"
                    return 0
                    ;;
                esac
                rest=${rest#*=}
            done
        done <"$list"
    done
    why=
    return 1
}

# Where it cannot be read it counts as if it did.
loads_code() {
    local key keys=
    [ -e "$1" ] || return 1
    while read -r key _; do
        case $key in
        '' | '#'*) ;;
        .*) keys="$keys|[.]${key#.}" ;;
        *) keys="$keys|$key" ;;
        esac
    done <"$mount/openssl"
    "$mount/bin/grep" -qE "^[[:space:]]*(${keys#|})([^[:alnum:]_]|\$)" "$1" 2>/dev/null
    [ $? != 1 ]
}

unchanged() { "$mount/bin/sha256sum" -c -s "$1" 2>/dev/null; }

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
