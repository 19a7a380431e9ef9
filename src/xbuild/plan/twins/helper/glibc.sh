# glibc, with bash for the wrappers: sourced by prepare.sh. How programs start beside the target's: the loader's path,
# that of its cache and the two folders in which it looks are exchanged at the same length (decision 50).
# shellcheck shell=sh disable=SC2154

tools=

survey_system() {
    bash=$(command -v bash) && is_elf "$bash" || refuse "the base image has no bash"
    loader=$(interpreter "$bash")
    case $("$loader" --version 2>/dev/null) in
    *GLIBC* | *'GNU C Library'* | *'GNU libc'*) ;;
    *) refuse "the C library is not glibc" ;;
    esac
    folder=$(dirname "$(readlink -f "$loader")")
    triplet=${folder##*/}
    case $triplet in
    *-*-*) ;;
    *) refuse "the loader is not in a folder of one architecture" ;;
    esac
    their_loader=$(interpreter "$theirs")
    [ "$their_loader" != "$loader" ] || refuse "both platforms have one path for the loader"
    new_loader=$(equal l "$loader") new_long=$(equal d "/usr/lib/$triplet") new_short=$(equal d "/lib/$triplet")
    # Twice each: what ends one match is what the next one would have to begin with.
    edge='[^[:alnum:]_.+-]'
    exchange=
    for pair in "/usr/lib/$triplet $new_long" "/lib/$triplet $new_short"; do
        once="s,\\(^\\|$edge\\)$(escape "${pair% *}")\\($edge\\|\$\\),\\1${pair#* }\\2,g"
        exchange="$exchange;$once;$once"
    done
    exchange="s,$(escape "$loader"),$new_loader,g;s,/etc/ld\\.so\\.cache,$mount/ld,g$exchange"
}

only_names_are_open() { return 1; }

escape() { printf '%s' "$1" | sed 's,[.+],\\&,g'; }

# Folders of modules that a library opens by name, at the same place below the folder of libraries.
modules() {
    for where in "$@"; do
        if [ -d "$where" ] && [ ! -d "$out/lib/${where##*/}" ]; then
            mkdir -p "$out/lib"
            cp -RL "$where" "$out/lib/"
            find "$out/lib/${where##*/}" -type f >>"$queue"
        fi
    done
}

# The variants for newer processors would depend on the machine.
one_kind() { sed 's,/glibc-hwcaps/[^/]*/,/,'; }

exchange_all() {
    sort -u "$queue" | tr '\n' '\0' >"$queue.all"
    xargs -0 wc -c <"$queue.all" >"$queue.before"
    xargs -0 grep -lZF -e "$triplet" -e "$loader" -e /etc/ld.so.cache <"$queue.all" |
        xargs -0 -r sed -i -s -e "$exchange"
    xargs -0 wc -c <"$queue.all" | cmp -s - "$queue.before" || refuse "a file changed its length"
    lost=$(tr '\n' '\0' <"$programs" | xargs -0 grep -LF "$new_loader") || : # the status means other things
    [ -z "$lost" ] || refuse "not programs of $loader: $lost"
}

# The loader, a shell and tools for the wrappers, and what the C library opens by itself.
common_system() {
    ln -s lib "$out${new_long#"$mount"}"
    [ "$new_long" = "$new_short" ] || ln -s lib "$out${new_short#"$mount"}"
    copy "$loader" "$out${new_loader#"$mount"}"
    # bash would warn of a locale that the image does not have, where the author's program says nothing.
    native "$bash" bin/bash 's/\x00LC_ALL\x00/\x00LB_ALL\x00/g'
    for program in cat grep od sed sha256sum; do
        native "$(readlink -f "$(command -v "$program")")" "bin/$program"
    done
    for opened in "$folder"/libgcc_s.so.1 "$folder"/libnss_*.so.2; do
        [ ! -e "$opened" ] || library "$opened"
    done
    modules "$folder"/gconv
    cat "$here/twin.sh" >"$out/twin.sh"
}

check_system() { :; }

# What libraries open by name: only where the library is taken over.
companions() {
    ! grep -q libcrypto "$listed" || modules "$folder"/ossl-modules "$folder"/engines-*
    ! grep -q libp11-kit "$listed" || modules "$folder"/pkcs11
    for opened in "$out"/lib/engines-*/* "$out"/lib/ossl-modules/* "$out"/lib/pkcs11/*; do
        [ ! -e "$opened" ] || libraries "$opened"
    done
}
