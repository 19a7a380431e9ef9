# musl, with busybox for the wrappers (Alpine): sourced by prepare.sh. How programs start beside the target's: the path of
# the loader is exchanged in them at the same length. musl's loader looks for libraries where the file
# ../etc/ld-musl-ARCH.path says, seen from the folder it was started from (musl ldso/dynlink.c, load_library): so nothing
# is changed in itself, nor in libraries (decision 59).
# shellcheck shell=sh disable=SC2154
first_line="#!$mount/bin/sh"
tools='base64 busybox cat chmod cmp cp dd dirname grep head ln mkdir mv od readlink rm sed sha256sum sort tail tr xargs'
applets='cat grep od sh sha256sum'

survey_system() {
    loader=$(interpreter "$shell") their_loader=$(interpreter "$theirs")
    triplet=${loader%/*} triplet=${triplet##*/} # libraries have no folder for each architecture
    for each in "$loader" "$their_loader"; do
        case ${each##*/} in
        ld-musl-*.so.1) ;;
        *) refuse "the C library is not musl" ;;
        esac
    done
    [ "$their_loader" != "$loader" ] || refuse "both platforms have one path for the loader"
    # Its packages are others every day, and so may the two images be.
    ! grep -q '^\(PRETTY_NAME=.*edge\|VERSION_ID=.*_\(alpha\|beta\|rc\|git\)\)' /etc/os-release ||
        refuse "the base image is no release of its distribution"
    busybox=$(readlink -f "$(command -v busybox)")
    is_elf "$busybox" || refuse "busybox is no program"
    for applet in $applets; do
        "$busybox" --list | grep -qx "$applet" || refuse "busybox has no $applet"
    done
    # Two folders below the mount's parent: the loader takes two names away to find `etc`.
    room=$((${#loader} - ${#mount} - 3))
    [ $room -ge 1 ] || refuse "$loader is too short to be exchanged"
    new_loader=$(printf "%s/l/%0${room}d" "$mount" 0)
    paths=${loader##*/}
    paths=etc/${paths%.so.1}.path
}

# The C library's names lead to the loader itself, whatever they are.
one_kind() { grep -v '^libc\.musl-' || :; }

companions() { :; }

# Names that a module leaves to the program which opens it: musl lists its libraries, and then fails.
only_names_are_open() { ! grep -qv '^Error relocating .*: symbol not found$' "$listed.errors"; }

# The program headers of a 64-bit file: type (and flags), offset, address, -, size, -, -.
segments() { od -An -v -t u8 -w56 -j "$(number "$1" 32 8)" -N "$((56 * $(number "$1" 56 2)))" "$1"; }

# FILE ADDRESS: where that is in the file, by `$out.segments`.
offset_of() {
    while read -r kind offset address _ size _; do
        if [ $((kind & 0xffffffff)) = 1 ] && [ "$2" -ge "$address" ] && [ "$2" -lt $((address + size)) ]; then
            printf '%s' $(($2 - address + offset))
            return
        fi
    done <"$out.segments"
}

# FOLDER/FOLDERS: whether it stays below the first one's parent, however often it goes up.
stays() {
    rest=$1/ depth=0
    while [ -n "$rest" ] && [ $depth -ge 0 ]; do
        case ${rest%%/*} in
        '' | .) ;;
        ..) depth=$((depth - 1)) ;;
        *) depth=$((depth + 1)) ;;
        esac
        rest=${rest#*/}
    done
    [ $depth -ge 0 ]
}

# FILE OFFSET SIZE of its dynamic section: a folder in it that is not seen from the file itself would be the target's,
# and so would one outside the mount.
check_folders() {
    od -An -v -t u8 -w16 -j "$2" -N "$3" "$1" >"$out.dynamic"
    strings='' named=
    while read -r tag number; do
        case $tag in
        5) strings=$number ;;
        15 | 29) named=$number ;;
        esac
    done <"$out.dynamic"
    [ -n "$named" ] || return 0
    at=$(offset_of "$1" $((strings + named)))
    folders=$(tail -c "+$((at + 1))" "$1" | head -c 4096 | tr '\0\n' '\n?' | head -n 1):
    own=${1#"$out"}
    while [ -n "$folders" ]; do
        named=${folders%%:*} folders=${folders#*:}
        case $named in
        '') continue ;;
        '$ORIGIN' | '$ORIGIN/'*) ! stays "${own%/*}${named#'$ORIGIN'}" || continue ;;
        esac
        refuse "${1##*/} looks for libraries in $named"
    done
}

exchange_all() {
    while read -r name _; do
        case $name in */*) refuse "a library is asked for by its path: $name" ;; esac
    done <"$listed.names"
    sort -u "$queue" >"$queue.all"
    while read -r file; do
        segments "$file" >"$out.segments"
        while read -r kind offset _ _ size _; do
            case $((kind & 0xffffffff)) in
            2) check_folders "$file" "$offset" "$size" ;;
            3) printf '%s' "$new_loader" | dd of="$file" bs=1 seek="$offset" conv=notrunc 2>/dev/null ;;
            esac
        done <"$out.segments"
    done <"$queue.all"
    while read -r file; do
        [ "$(interpreter "$file")" = "$new_loader" ] || refuse "no program of $loader: $file"
    done <"$programs"
    rm -f "$out.segments" "$out.dynamic"
}

# The loader, where it looks for libraries, and busybox, by whose names the wrappers find a shell and tools.
common_system() {
    mkdir -p "$out/etc" "$out/bin"
    printf '%s\n' "$mount/lib" >"$out/$paths"
    copy "$loader" "$out${new_loader#"$mount"}"
    native "$busybox" bin/busybox
    for applet in $applets; do
        ln -s busybox "$out/bin/$applet"
    done
    cat "$here/twin.ash" >"$out/twin.sh"
}

# It is asked for what not every shell can: lists whose members end in a zero byte.
check_system() {
    [ "$(printf 'a\0b\0' | "$mount/bin/sh" -c 'while IFS= read -r -d "" x; do printf "<%s>" "$x"; done')" = '<a><b>' ] ||
        refuse "the shell of busybox does not read lists"
}
