# Sourced by the helper's prepare.sh: the interpreter of this image, beside the deciding program and what runs pip in it.
# shellcheck shell=sh disable=SC2154
python=
for candidate in /usr/local/bin/python3 /usr/bin/python3; do
    [ -n "$python" ] || [ ! -x "$candidate" ] || python=$(readlink -f "$candidate")
done
[ -n "$python" ] || refuse "the base image has no python3 in /usr/local/bin or /usr/bin"
mkdir -p "$out/pip/bin"
export PYTHONHASHSEED=0
compare "$python" -sB "$here/pip/setup.py" "$out/pip" "$target" "$python"
native "$python" pip/start
stdlib=$("$python" -IB -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
version=${stdlib##*/}
for module in "$stdlib"/lib-dynload/*.so; do
    copy "$module" "$out/pip/lib/$version/lib-dynload/${module##*/}"
    name=${module##*/}
    # Official images of Alpine have tkinter without its libraries: there it does not load either.
    lists "$module" || ! "$python" -IB -c "import ${name%%.*}" 2>/dev/null || refuse "libraries of $module not found"
done
starter pip/bin/pip pip/bin/pip3 "pip/bin/pip${version#python}" pip/python
script "$here/pip/decide" pip/decide
for file in hostile env; do
    cat "$here/pip/$file" >"$out/pip/$file"
done
finish
script "$here/pip/probe" pip/probe
"$mount/pip/probe" || refuse "the interpreter does not start from its copy"
