#!/bin/sh
# Runs in the helper stage, natively, as root: makes what the assisted RUNs mount. Arguments: the twins wanted.
#
# What cannot be had stands in `why`, one line a twin ("NAME: WHY", or "NAME: failed: WHY" where another try may do
# better), and `env` then says so and does nothing. It fails only where not even that or `exec` can be made, and the build
# is then one without twins. What it makes is part of the cache key of every assisted RUN: it depends on the two images,
# on the twins that are wanted, and with a compiler on the package index of the day, never on the machine or the time.
#
# A twin's own prepare.sh is sourced in a subshell with `set -eu` and
#   $mount   where the RUNs will see $out            $out     what is made here, in the layout of the mount
#   $target  the target image's root                 $here    these scripts
#   $choice  what was chosen for it (NAME=CHOICE among the arguments), or nothing
#   $twin    its name; its files go to $out/$twin: `decide` says at every call what is to be started (twin.sh); `bin`
#            has its wrappers (their names are the programs' names); `hostile` the variables that switch it off;
#            `probe`, if there, must succeed as well; `env`, if there, is read by the author's shell
#   starter DEST...        wrappers: below $out, the starter by which `decide` is asked (starter.c)
#   native SOURCE DEST [SED]   a copy of a program, at $out/DEST, that starts in the foreign root, with its libraries
#   library FILE...            copies of libraries that are opened at run time, with those that they need
#   libraries FILE...          copies of the libraries that these files need
#   lists FILE                 likewise, but fails where one is not there
#   script SOURCE DEST         a file that is run as it is
#   record LIST FILE...        sums of the target's own files, added to a list that the wrapper checks
#   finish                     to be called once after these: only then the copies start, here too, below $mount
#   in_target PATH             where a path of the target lies here, its links followed inside the target
#   refuse WHY                 no such twin, whenever it is tried
#   fail WHY                   none now, for what passes (network, space): it is tried again, as after any other failure
#   compare COMMAND...         a program that prints why there is no such twin and ends with 3; any other end is a failure
# Its file plain.NAME stands at $mount/$twin/NAME where it made none: a program that the author's text was made to name
# has to be there on every platform, whatever became of the twin.
mount=/.xbuild-7c1f out=/.xbuild-out target=/.xbuild-target here=/.xbuild-helper

# Nothing of the base's environment matters; proxies stay, for a twin that has to fetch something.
if [ "${XBUILD_7C1F-}" != clean ] && command -v env >/dev/null 2>&1; then
    exec env -i XBUILD_7C1F=clean LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        BUILDARCH="${BUILDARCH-}" TARGETARCH="${TARGETARCH-}" http_proxy="${http_proxy-}" \
        https_proxy="${https_proxy-}" no_proxy="${no_proxy-}" /bin/sh "$0" "$@"
fi
umask 022
mkdir -p "$out"
ln -s "$out" "$mount"
cd / || exit 0

refuse() {
    printf '%s: %s\n' "$twin" "$1" >>"$out/why"
    exit 3
}
fail() {
    printf '%s\n' "$1" >"$errors" # in place of what was said there before
    exit 4
}
compare() {
    ended=0
    why=$("$@") || ended=$?
    [ $ended != 3 ] || refuse "$why"
    [ $ended = 0 ] || fail "$(sed -n '$p' "$errors" | grep . || echo "$1 ended with $ended")"
}

# Bytes of an ELF file as decimal numbers: FILE OFFSET SIZE.
number() { od -An -v -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' \n'; }
is_elf() { [ -f "$1" ] && [ "$(od -An -v -t x1 -N 4 "$1" | tr -d ' \n')" = 7f454c46 ]; }
machine() { od -An -v -t x1 -j 18 -N 2 "$1" | tr -d ' \n'; }

# The path in PT_INTERP; nothing for a file without one.
interpreter() {
    header=$(number "$1" 32 8) size=$(number "$1" 54 2) count=$(number "$1" 56 2)
    while [ "$count" -gt 0 ]; do
        if [ "$(number "$1" "$header" 4)" = 3 ]; then
            tail -c "+$(($(number "$1" $((header + 8)) 8) + 1))" "$1" |
                head -c "$(($(number "$1" $((header + 32)) 8) - 1))"
            return
        fi
        header=$((header + size)) count=$((count - 1))
    done
}

in_target() {
    path=$1 turns=0
    while [ $turns -lt 40 ]; do
        turns=$((turns + 1)) resolved='' rest=${path#/}/
        while [ -n "$rest" ]; do
            part=${rest%%/*} rest=${rest#*/}
            case $part in
            '' | .) continue ;;
            ..) resolved=${resolved%/*} ;;
            *)
                if [ -h "$target$resolved/$part" ]; then
                    link=$(readlink "$target$resolved/$part")
                    case $link in
                    /*) path=$link/$rest ;;
                    *) path=$resolved/$link/$rest ;;
                    esac
                    path=${path%/}
                    continue 2
                fi
                resolved=$resolved/$part
                ;;
            esac
        done
        printf '%s' "$target$resolved"
        return
    done
    refuse "$1 is a loop of links"
}

# A path of the mount as long as another one: LETTER PATH.
equal() {
    room=$((${#2} - ${#mount} - 2))
    [ $room -ge 1 ] || refuse "$2 is too short to be exchanged"
    printf "%s/%s%0${room}d" "$mount" "$1" 0
}

# Conditions of every twin, and what exchanges the loader's path.
survey() {
    for tool in head od readlink tail tr $tools; do
        command -v "$tool" >/dev/null || refuse "the base image has no $tool"
    done
    [ ! -e "$target$mount" ] || refuse "the base image has a folder where twins would be mounted"
    shell=$(readlink -f /bin/sh) theirs=$(in_target /bin/sh)
    is_elf "$shell" && is_elf "$theirs" || refuse "/bin/sh is no program"
    [ "$(machine "$shell")" != "$(machine "$theirs")" ] ||
        refuse "the base image is for the same architecture on both platforms"
    for file in "$shell" "$theirs"; do
        [ "$(number "$file" 4 1) $(number "$file" 5 1)" = "2 1" ] || refuse "not a 64-bit little-endian architecture"
    done
    release=$(in_target /etc/os-release)
    [ -e /etc/os-release ] || refuse "the base image does not say which release it is"
    cmp -s /etc/os-release "$release" || refuse "the base image is not of the same release on both platforms"
    survey_system
}

# Starting a process is what takes the time here, so files are copied first and then changed all at once.
queue=$out.queue programs=$out.programs listed=$out.listed

# SOURCE DEST: a file to be changed by `finish`.
copy() {
    [ -d "${2%/*}" ] || mkdir -p "${2%/*}"
    cp -L "$1" "$2"
    echo "$2" >>"$queue"
}

native() {
    copy "$1" "$out/$2"
    [ -z "${3-}" ] || sed -i -e "$3" "$out/$2"
    echo "$out/$2" >>"$programs"
    libraries "$1"
}

# Notes those that a file needs; fails where one is not there.
lists() { "$loader" --list "$1" >>"$listed" 2>"$listed.errors" || only_names_are_open; }

libraries() {
    for user in "$@"; do
        lists "$user" || refuse "libraries of $user not found"
    done
}

library() {
    for opened in "$@"; do
        [ -e "$out/lib/${opened##*/}" ] || copy "$opened" "$out/lib/${opened##*/}"
        libraries "$opened"
    done
}

# One folder for all libraries, by name.
finish() {
    companions
    sed -n 's,^[[:space:]]*\([^ ]*\) => \(/.*\) (0x[0-9a-f]*)$,\1 \2,p' "$listed" | one_kind | sort -u >"$listed.names"
    while read -r name path; do
        [ -e "$out/lib/$name" ] || copy "$path" "$out/lib/$name"
    done <"$listed.names"
    exchange_all
    rm -f "$queue"* "$programs"* "$listed"*
}

starter() {
    for wrapper in "$@"; do
        mkdir -p "$(dirname "$out/$wrapper")"
        cp "$out/starter" "$out/$wrapper"
        echo "$wrapper" >>"$out/$twin/wrappers"
    done
}

script() {
    mkdir -p "$(dirname "$out/$2")"
    cat "$1" >"$out/$2"
    # Where the wrappers' shell is another one than bash.
    if [ -n "$first_line" ] && head -c 32 "$1" | grep -q "^#!$mount/bin/bash -p\$"; then
        sed -i "1s,.*,$first_line," "$out/$2"
    fi
    chmod 755 "$out/$2"
}

# What every twin needs.
common() {
    survey
    rm -f "$queue" "$programs" "$listed"
    mkdir -p "$out/lib"
    common_system
    [ -e "$here/starter.$BUILDARCH" ] || refuse "no starter for $BUILDARCH"
    base64 -d "$here/starter.$BUILDARCH" >"$out/starter"
    chmod 755 "$out/starter"
    script "$here/probe" probe
    cat "$here/hostile" >"$out/hostile"
    cat "$here/openssl" >"$out/openssl"
    cat /etc/os-release >"$out/os-release"
    finish
    check_system
}

# The files that the target has now, for `unchanged` (twin.sh, twin.ash): LIST FILE...
record() {
    list=$1
    shift
    for file in "$@"; do
        in_target "$file" && echo
    done | tr '\n' '\0' | xargs -0 sha256sum >"$list.sums"
    while read -r sum _ <&3; do
        echo "$sum  $1"
        shift
    done 3<"$list.sums" >>"$list"
    rm "$list.sums"
}

# Why there is no twin: here, and on standard error in front of a RUN, since this step may come from a cache. Without a
# program, since one that is missing is a reason.
tell() {
    [ -e "$out/why" ] || return 0
    told=
    while IFS= read -r why; do
        printf 'xbuild-helper: %s\n' "$why"
        quoted=
        while [ -n "$why" ]; do
            rest=${why#?}
            case $why in
            "'"*) quoted="$quoted'\\''" ;;
            [\ -~]*) quoted=$quoted${why%"$rest"} ;;
            esac
            why=$rest
        done
        told="${told}echo 'xbuild-helper: $quoted' >&2
"
    done <"$out/why"
    [ -z "$ready" ] || told=$told$(cat "$out/env")
    printf '%s\n' "${told%
}" >"$out/env"
}

# At the end, however it comes.
plain() {
    for twin in "$@"; do
        twin=${twin%%=*}
        for file in "$here/$twin"/plain.*; do
            name=$twin/${file##*/plain.}
            [ ! -e "$file" ] || [ -e "$out/$name" ] || needed "$file" "$name"
        done
    done
}

# What a RUN starts without asking: where it cannot be made this step fails, and nothing has twins.
needed() {
    script "$1" "$2"
    [ -s "$out/$2" ] && [ -x "$out/$2" ] || exit 1
}

: >"$out/env"
first_line= ready=
needed "$here/exec" exec
if [ "${BUILDARCH:-unknown}" = "${TARGETARCH:-unknown}" ]; then
    echo "all: the build machine's own platform, or one that is not known" >"$out/why"
    plain "$@"
    exit 0
fi
errors=$out.errors
twin=all system=glibc shell=$(readlink -f /bin/sh)
! is_elf "$shell" || case $(interpreter "$shell") in */ld-musl-*) system=musl ;; esac
. "$here/$system.sh"
# In a subshell of its own each, and in no condition: there `set -e` would not hold.
(set -eu && common) 2>"$errors"
status=$?
if [ $status = 0 ]; then
    for twin in "$@"; do
        # What its user has accepted stands behind the name.
        choice=
        case $twin in *=*) choice=${twin#*=} twin=${twin%%=*} ;; esac
        (
            set -eu
            grep -qx "$system" "$here/$twin/systems" || refuse "there is no twin of it for images with $system"
            survey
            rm -f "$queue" "$programs" "$listed"
            . "$here/$twin/prepare.sh"
        ) 2>"$errors"
        status=$?
        if [ $status = 0 ]; then
            ready="$ready $twin"
        else
            [ $status = 3 ] || printf '%s: failed: %s\n' "$twin" "$(head -n 1 "$errors")" >>"$out/why"
            # Copies that were not changed yet must not be taken for ones that start.
            [ ! -e "$queue" ] || tr '\n' '\0' <"$queue" | xargs -0 rm -f
            rm -rf "${out:?}/$twin"
        fi
    done
else
    [ $status = 3 ] || printf '%s: failed: %s\n' "$twin" "$(head -n 1 "$errors")" >>"$out/why"
fi
if [ -n "$ready" ]; then
    printf '%s\n' "${ready# }" >"$out/twins"
    cat "$here/env.sh" >"$out/env"
else
    for made in "$out"/*; do
        case ${made##*/} in env | exec | why) ;; *) rm -rf "$made" ;; esac
    done
fi
plain "$@"
tell
exit 0
