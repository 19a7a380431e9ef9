# The twin of gcc's cc1, cc1plus and lto1 and of binutils' as and ld: those of Debian's cross compiler for the target,
# made to look where the target's own ones look; sourced by the helper's prepare.sh.
# shellcheck shell=sh disable=SC2154
here=$here/$twin made=$out/$twin work=$out.$twin
for program in apt-get apt-cache dpkg-deb dpkg-query tar; do
    command -v "$program" >/dev/null || refuse "the base image has no $program"
done

# The target's machine as gcc calls it, and the release of gcc that the image has, or would get by the name gcc.
machine=$(in_target "$their_loader")
machine=${machine%/*} machine=${machine##*/}
case $machine in
*-*-*) ;;
*) refuse "the target's loader is not in a folder of one architecture" ;;
esac
dashed=$(printf '%s' "$machine" | tr _ -)
apt='apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=2'
mkdir -p "$work" "$made"
$apt update >"$work/update" 2>&1 || fail "apt-get update fails in the helper"
# It ends well where some of the lists could not be fetched.
lacks() {
    ! grep -q '^[EW]: ' "$work/update" || fail "$1 (apt-get update warns)"
    refuse "$1"
}
gcc=$(in_target /usr/bin/gcc)
gcc=${gcc##*-}
case $gcc in
'' | *[!0-9]*) gcc=$(apt-cache depends gcc 2>"$work/log" | sed -n 's/^ *Depends: gcc-\([0-9][0-9]*\)$/\1/p' | head -n 1) ;;
esac
[ -n "$gcc" ] || lacks "the package index has no gcc"
# The revision has to be what the target has, or would get: another one is another program.
candidate() { apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'; }
cross=$(candidate "cpp-$gcc-$dashed")
version=${cross%cross*}
[ "$version" != "$cross" ] || lacks "there is no cross compiler of gcc $gcc"
revisions=$({
    sed -n "/^Package: gcc-$gcc-base\$/,/^\$/s/^Version: //p" "$(in_target /var/lib/dpkg/status)"
    candidate "gcc-$gcc-base"
})
has_revision() { printf '%s\n' "$revisions" | sed "$1" | grep -qxF -e "$(printf '%s\n' "$version" | sed "$1")"; }
case $choice in
release)
    has_revision 's/-.*//' || lacks "the cross compiler is $version, and the image's gcc of another release"
    : >"$made/release"
    ;;
*)
    has_revision '' || lacks "the cross compiler is $version, and the image's gcc is not"
    ;;
esac

compilers="cpp-$gcc-$dashed gcc-$gcc-$dashed g++-$gcc-$dashed"
cd "$work" || exit 1
# shellcheck disable=SC2086
$apt download $compilers "binutils-$dashed" >"$work/log" 2>&1 || fail "no cross compiler can be fetched"

# Versions that have to be the same in the target: gcc, binutils, and the libraries with which they compute.
field() { dpkg-deb -f "$1" "$2"; }
[ "$(field "cpp-$gcc-$dashed"_*.deb Version)" = "$cross" ] || refuse "another cross compiler was fetched"
binutils=$(field "binutils-$dashed"_*.deb Version)
needed=$(for package in ./*.deb; do field "$package" Depends; done | tr ',' '\n' |
    sed -n 's/^ *\(lib[^ ]*\|zlib1g\)\( .*\|\)$/\1/p' |
    grep -vE -- '-dev|-cross$|^libc6|^libgcc-s|^libstdc|^libcc1|^libsframe|^libjansson' | sort -u)
others=$(for package in ./*.deb; do field "$package" Depends; done | tr ',' '\n' |
    sed -n 's/^ *\(libsframe[^ ]*\|libjansson[^ ]*\|libcc1[^ ]*\)\( .*\|\)$/\1/p' | sort -u)
installed() { dpkg-query -W -f '${Version} ${db:Status-Status}' "$1" 2>"$work/log" | sed -n 's/ installed$//p'; }
missing=
for package in $needed $others; do
    [ -n "$(installed "$package")" ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    $apt download $missing >"$work/log" 2>&1 || fail "not all libraries of the cross compiler can be fetched"
fi
{
    echo "gcc-$gcc-base $version"
    echo "binutils $binutils"
    for package in $needed; do
        own=$(installed "$package")
        [ -n "$own" ] || own=$(field "$package"_*.deb Version)
        echo "$package $own"
    done
} >"$made/versions"

unpack() {
    package=$1 where=$2
    shift 2
    dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x -C "$where" --skip-old-files --wildcards "$@"
}
for part in "cpp cc1" "gcc lto1" "g++ cc1plus"; do
    set -- "${part% *}-$gcc-$dashed" "./usr/lib*/gcc-cross/$machine/$gcc/${part#* }"
    [ "$part" != "gcc lto1" ] || set -- "$@" "./usr/lib*/gcc-cross/$machine/$gcc/liblto_plugin.so"
    package=$1
    shift
    unpack "$package" "$work" "$@"
done
unpack "binutils-$dashed" "$work" "./usr/bin/$machine-as" "./usr/bin/$machine-ld.bfd"
unpack "binutils-$dashed" / "./usr/lib/$triplet/lib*.so*"
for package in $missing; do
    unpack "$package" / "./*/$triplet/lib*.so*"
done
folder_of=$(find "$work/usr" -name cc1)
cross_folder=${folder_of%/cc1}
own_folder=$(printf '%s' "${cross_folder#"$work"}" | sed 's,/gcc-cross/,/gcc/,')

# A path in a program for a shorter one, the rest filled with zeros: OLD NEW.
swap() {
    zeros='' count=$((${#1} - ${#2}))
    [ $count -ge 0 ] || refuse "$2 is longer than $1"
    while [ $count -gt 0 ]; do
        zeros="$zeros\\x00" count=$((count - 1))
    done
    printf 's,%s\\x00,%s%s\\x00,g;' "$(printf '%s' "$1" | sed 's/[.]/[.]/g')" "$2" "$zeros"
}
base=/usr/lib/gcc-cross/$machine/$gcc up=../../../..
plus=$base/$up/$machine/include/c++ own_plus=/usr/lib/gcc/$machine/$gcc/$up/include
paths=$(
    swap "$plus/$gcc/$machine" "$own_plus/$machine/c++/$gcc"
    swap "$plus/$gcc/backward" "$own_plus/c++/$gcc/backward"
    swap "$plus/$gcc" "$own_plus/c++/$gcc"
    swap "$plus/v1" "$own_plus/c++/v1"
    swap /usr/lib/gcc-cross/ /usr/lib/gcc/
    # The others differ in these six letters alone.
    printf 's,/usr/lib/gcc-cross/\\([^\\x00]*\\)\\x00,/usr/lib/gcc/\\1\\x00\\x00\\x00\\x00\\x00\\x00\\x00,g'
)
for program in cc1 cc1plus lto1; do
    native "$cross_folder/$program" "$twin/own/$program" "$paths"
    ! grep -aqF /gcc-cross/ "$made/own/$program" || refuse "$program knows other folders of the cross compiler"
done
# Where the loader would look for their libraries: in folders of the target.
run_path=$(swap "/usr/$triplet/$machine/lib:/usr/lib/$machine" "$mount/lib")
for program in as ld.bfd; do
    native "$work/usr/bin/$machine-$program" "$twin/own/${program%.bfd}" "$run_path"
done
copy "$cross_folder/liblto_plugin.so" "$made/own/liblto_plugin.so"
libraries "$cross_folder/liblto_plugin.so"
for program in env md5sum; do
    native "$(readlink -f "$(command -v "$program")")" "bin/$program"
done

# By COMPILER_PATH the driver finds all but ld, whose place configure scripts write down: that one collect2 finds.
with=$twin/with/$machine/$gcc
for program in cc1 cc1plus lto1 collect2; do
    starter "$with/$program"
    printf '%s\n' "$own_folder/$program" >"$out/$with/$program.own"
done
starter "$with/as" "$twin/linker/ld" "$twin/linker/ld.bfd"
printf '%s\n' /usr/bin/as >"$out/$with/as.own"
printf '%s\n' /usr/bin/ld >"$made/linker/ld.own"
printf '%s\n' /usr/bin/ld.bfd >"$made/linker/ld.bfd.own"
printf '%s %s %s\n' "$machine" "$gcc" "$own_folder" >"$made/place"
script "$here/decide" "$twin/decide"
for file in env hostile options.cc1 options.as options.ld; do
    cat "$here/$file" >"$made/$file"
done
cd /
finish
script "$here/probe" "$twin/probe"
"$mount/$twin/probe" || refuse "the cross compiler does not start from its copy"
rm -rf "$work"
