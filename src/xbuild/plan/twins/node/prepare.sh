# Sourced by the helper's prepare.sh: the node of this image, beside what decides and what JavaScript is shown.
# shellcheck shell=sh disable=SC2154
node=/usr/local/bin/node
[ "$(readlink -f "$node")" = "$node" ] || refuse "the base image has no node in /usr/local/bin"
their_node=$(in_target "$node")
[ "$their_node" = "$target$node" ] && [ -f "$their_node" ] || refuse "$node is a link or missing on one platform"
their_folder=$(dirname "$(in_target "$their_loader")")
made=$out/$twin
mkdir -p "$made"
compare "$node" "$here/$twin/setup.cjs" "$made" "$target" "$node" "$their_node" "$loader" "$new_loader" "$their_loader" \
    "$triplet" "${their_folder##*/}"
echo "$made/node" >>"$programs"
libraries "$node"
for file in understood.cjs recorded.json hostile; do
    [ -e "$made/$file" ] || cat "$here/$twin/$file" >"$made/$file"
done
# A copy for each of its ways of working, which it knows by its name.
for mode in manager script; do
    cat "$here/$twin/preload.cjs" >"$made/$mode.cjs"
done
# What a RUN may bring has no wrapper in PATH until it is there: others look for it as well.
for name in npm npx yarn yarnpkg corepack pnpm; do
    if [ -e "$(in_target "/usr/local/bin/$name")" ]; then
        starter "$twin/bin/$name"
    else
        starter "$twin/late/$name/$name"
        # shellcheck disable=SC2016
        printf '%s() { %s "$@"; }\n' "$name" "$mount/$twin/late/$name/$name" >"$made/late/$name/env"
    fi
done
starter "$twin/below/node"
echo "$node" >"$made/below/node.own"
script "$here/$twin/decide" "$twin/decide"
finish

# Once where the RUNs will see it.
shown='process.execPath === "'$node'" && process.arch === JSON.parse(fs.readFileSync("'$mount/$twin'/recorded.json")).arch'
[ "$("$mount/$twin/node" "--require=$mount/$twin/script.cjs" -p "$shown")" = true ] ||
    refuse "node does not start from its copy"
