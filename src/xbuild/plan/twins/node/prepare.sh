# Sourced by the helper's prepare.sh: the node of this image, beside what decides and what JavaScript is shown.
# shellcheck shell=sh disable=SC2154
node=/usr/local/bin/node
[ "$(readlink -f "$node")" = "$node" ] || refuse "the base image has no node in /usr/local/bin"
their_node=$(in_target "$node")
[ "$their_node" = "$target$node" ] && [ -f "$their_node" ] || refuse "$node is a link or missing on one platform"
their_folder=$(dirname "$(in_target "$their_loader")")
made=$out/$twin
mkdir -p "$made/bin" "$made/below"
why=$("$node" "$here/$twin/setup.cjs" "$made" "$target" "$node" "$their_node" "$loader" "$new_loader" "$their_loader" \
    "$triplet" "${their_folder##*/}") || refuse "${why:-setup.cjs failed}"
libraries "$node"
for file in understood.cjs recorded.json hostile; do
    [ -e "$made/$file" ] || cat "$here/$twin/$file" >"$made/$file"
done
# A copy for each of its ways of working, which it knows by its name.
for mode in manager script alone; do
    cat "$here/$twin/preload.cjs" >"$made/$mode.cjs"
done
for name in bin/npm bin/yarn bin/yarnpkg below/node; do
    script "$here/$twin/wrapper" "$twin/$name"
done
script "$here/$twin/decide" "$twin/decide"
: >"$made/exact"
finish

# All that JavaScript is shown is asked once, where the RUNs will see it.
shown=$("$mount/$twin/node" "--require=$mount/$twin/alone.cjs" -p '[process.arch, process.execPath, process.execArgv.length]') &&
    [ "$shown" = "[ '$(sed -n 's/.*"arch":"\([^"]*\)".*/\1/p' "$made/recorded.json")', '$node', 2 ]" ] ||
    refuse "node does not start from its copy"
