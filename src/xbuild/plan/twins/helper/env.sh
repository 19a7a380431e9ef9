# Sourced in front of the author's text, by an emulated shell: puts the twins that work here into PATH, and keeps a
# copy of standard error for their lines. Status, variables, options, folder and output stay as they were.
{ _xbuild_7c1f_status=$? _xbuild_7c1f_options=$-; set +xv; } 2>/dev/null
if _xbuild_7c1f_path=$(/.xbuild-7c1f/probe "$$" </dev/null 3>&2 2>/dev/null) && [ -n "$_xbuild_7c1f_path" ]; then
    PATH=${_xbuild_7c1f_path#*:}
    # What no folder in PATH reaches a twin sets in a file of its own.
    for _xbuild_7c1f_twin in ${_xbuild_7c1f_path%%:*}; do
        [ ! -e "/.xbuild-7c1f/$_xbuild_7c1f_twin/env" ] || . "/.xbuild-7c1f/$_xbuild_7c1f_twin/env"
    done
    # Opened for appending: so twins know it from what the author opens. Another user cannot, and twins are silent.
    if [ ! -e /proc/self/fd/9 ] && [ -p /proc/self/fd/2 ] && [ -w /proc/self/fd/2 ]; then
        exec 9>>/proc/self/fd/2
    fi
    # A step in which a twin left a mark must not end well: it would come from the cache from then on.
    trap '{ set +xv; } 2>/dev/null; [ ! -e /dev/shm/.xbuild-7c1f-mark ] || exit 97' EXIT
fi
# With -e a failed status would end the shell here: there it cannot have been one that counted.
case $_xbuild_7c1f_options in *e*) _xbuild_7c1f_status=0 ;; esac
case $_xbuild_7c1f_status in 0) _xbuild_7c1f_status= ;; *) _xbuild_7c1f_status="; return $_xbuild_7c1f_status" ;; esac
case $_xbuild_7c1f_options in
*x*v* | *v*x*) _xbuild_7c1f_options=-xv ;;
*x*) _xbuild_7c1f_options=-x ;;
*v*) _xbuild_7c1f_options=-v ;;
*) _xbuild_7c1f_options=+x ;;
esac
eval "unset _xbuild_7c1f_path _xbuild_7c1f_twin _xbuild_7c1f_status _xbuild_7c1f_options; set $_xbuild_7c1f_options$_xbuild_7c1f_status"
