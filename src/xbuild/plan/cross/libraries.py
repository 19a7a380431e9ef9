"""Debian's development libraries that can be installed for several architectures side by side.

Source: the package lists of Debian 12 and 13 (amd64): `Multi-Arch: same` in each of them that has the
package, and so all -dev packages that it depends on. Of any other apt removes the one when it installs the
other.
"""

from __future__ import annotations

from xbuild.plan.table import words

SIDE_BY_SIDE = frozenset(
    words(
        "comerr-dev freeglut3-dev libacl1-dev libaio-dev libao-dev libaom-dev libapparmor-dev "
        "libargon2-dev libasound2-dev libaspell-dev libass-dev libassimp-dev libatlas-base-dev "
        "libattr1-dev libaudit-dev libavahi-client-dev libavahi-common-dev libavahi-compat-libdnssd-dev "
        "libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev libavif-dev libavutil-dev "
        "libbison-dev libblas-dev libblkid-dev libbluetooth-dev libbluray-dev libboost-chrono-dev "
        "libboost-context-dev libboost-coroutine-dev libboost-date-time-dev libboost-dev "
        "libboost-filesystem-dev libboost-iostreams-dev libboost-program-options-dev libboost-random-dev "
        "libboost-regex-dev libboost-serialization-dev libboost-system-dev libboost-test-dev "
        "libboost-thread-dev libbpf-dev libbrotli-dev libbsd-dev libbtrfs-dev libbz2-dev libc-ares-dev "
        "libcairo2-dev libcanberra-gtk3-dev libcap-dev libcap-ng-dev libcbor-dev libcgicc-dev "
        "libcjson-dev libcmocka-dev libconfig-dev libconfuse-dev libcrypto++-dev libcryptsetup-dev "
        "libcunit1-dev libcups2-dev libcurl4-gnutls-dev libcurl4-nss-dev libcurl4-openssl-dev "
        "libdbus-1-dev libdbus-glib-1-dev libde265-dev libdevmapper-dev libdmalloc-dev libdmx-dev "
        "libdouble-conversion-dev libdrm-dev libdw-dev libedit-dev libegl-dev libegl1-mesa-dev libelf-dev "
        "libev-dev libexif-dev libexpat1-dev libfcgi-dev libffi-dev libfftw3-dev libfl-dev libflac-dev "
        "libfmt-dev libfontconfig-dev libfontconfig1-dev libfontenc-dev libfreeimage-dev libfreetype6-dev "
        "libfribidi-dev libfs-dev libfuse-dev libfuse3-dev libgbm-dev libgc-dev libgd-dev libgdbm-dev "
        "libgdk-pixbuf2.0-dev libgeotiff-dev libgif-dev libgl-dev libgl1-mesa-dev libglade2-dev "
        "libgles-dev libgles2-mesa-dev libglew-dev libglfw3-dev libglib2.0-dev libglu1-mesa-dev "
        "libgmp-dev libgmp3-dev libgnutls28-dev libgoogle-perftools-dev libgphoto2-dev libgraphviz-dev "
        "libgtest-dev libgtk-3-dev libgtk2.0-dev libgtksourceview-3.0-dev libheif-dev libhidapi-dev "
        "libhiredis-dev libhwloc-dev libiberty-dev libibverbs-dev libice-dev libicu-dev libidn-dev "
        "libidn11-dev libidn2-dev libimagequant-dev libisl-dev libjansson-dev libjpeg-dev "
        "libjpeg62-turbo-dev libjson-c-dev libjson-glib-dev libjsoncpp-dev libjxl-dev libkrb5-dev "
        "liblapack-dev liblapacke-dev liblcms2-dev libldap-dev libldb-dev libldns-dev libleveldb-dev "
        "liblmdb-dev liblog4cplus-dev libltdl-dev liblttng-ust-dev liblua5.1-0-dev libluajit-5.1-dev "
        "liblz4-dev liblzma-dev liblzo2-dev libmagic-dev libmarkdown2-dev libmaxminddb-dev libmbedtls-dev "
        "libmicrohttpd-dev libminiupnpc-dev libmnl-dev libmodplug-dev libmosquitto-dev libmotif-dev "
        "libmp3lame-dev libmpc-dev libmpeg2-4-dev libmpfr-dev libmxml-dev libmysql++-dev libncurses-dev "
        "libncurses5-dev libncursesw5-dev libnetfilter-conntrack-dev libnetfilter-queue-dev "
        "libnfnetlink-dev libnfs-dev libnftables-dev libnghttp2-dev libnice-dev libnl-3-dev "
        "libnl-genl-3-dev libnl-route-3-dev libnlopt-dev libnm-dev libnotify-dev libnsl-dev libnuma-dev "
        "libogg-dev libolm-dev libopenblas-dev libopenjp2-7-dev libopts25-dev libopus-dev libopusfile-dev "
        "libpam0g-dev libpango1.0-dev libpcap-dev libpcap0.8-dev libpci-dev libpciaccess-dev libpcre2-dev "
        "libpcre3-dev libpcsclite-dev libpipewire-0.3-dev libpixman-1-dev libpkcs11-helper1-dev "
        "libplist-dev libpng-dev libpostproc-dev libproj-dev libprotobuf-c-dev libprotobuf-dev "
        "libprotoc-dev libpsl-dev libpspell-dev libpthread-stubs0-dev libpulse-dev libpurple-dev "
        "libqrencode-dev librabbitmq-dev libre2-dev libreadline-dev librecode-dev librrd-dev librsvg2-dev "
        "librsync-dev librtlsdr-dev librtmp-dev libsass-dev libsbc-dev libsctp-dev libsdl2-dev "
        "libsdl2-gfx-dev libsdl2-image-dev libsdl2-mixer-dev libsdl2-net-dev libsdl2-ttf-dev "
        "libseccomp-dev libselinux1-dev libslang2-dev libslirp-dev libsm-dev libsmbclient-dev "
        "libsnappy-dev libsndfile1-dev libsodium-dev libsoup2.4-dev libspeex-dev libspeexdsp-dev "
        "libsqlite3-dev libssh-dev libssh2-1-dev libssl-dev libsubid-dev libswscale-dev libsystemd-dev "
        "libtalloc-dev libtbb-dev libtheora-dev libtidy-dev libtiff-dev libtiff5-dev libtinfo-dev "
        "libtinyxml-dev libtirpc-dev libtss2-dev libudev-dev libunbound-dev libunistring-dev "
        "libunwind-dev liburcu-dev liburing-dev libusb-1.0-0-dev libuv1-dev libv4l-dev libva-dev "
        "libvdpau-dev libvirt-dev libvlc-dev libvlccore-dev libvorbis-dev libvpx-dev libvulkan-dev "
        "libwayland-dev libwebp-dev libwrap0-dev libx11-dev libx11-xcb-dev libx264-dev libx265-dev "
        "libxalan-c-dev libxau-dev libxaw7-dev libxcb-shape0-dev libxcb-shm0-dev libxcb-xfixes0-dev "
        "libxcb1-dev libxcomposite-dev libxcursor-dev libxdamage-dev libxdmcp-dev libxerces-c-dev "
        "libxext-dev libxfixes-dev libxft-dev libxi-dev libxinerama-dev libxkbcommon-dev "
        "libxkbcommon-x11-dev libxkbfile-dev libxml2-dev libxmp-dev libxmu-dev libxmuu-dev libxpm-dev "
        "libxrandr-dev libxrender-dev libxres-dev libxslt1-dev libxss-dev libxt-dev libxtst-dev libxv-dev "
        "libxvidcore-dev libxvmc-dev libxxf86dga-dev libxxf86vm-dev libyajl-dev libyaml-dev libzip-dev "
        "libzmq3-dev libzstd-dev mesa-common-dev nettle-dev ocl-icd-opencl-dev portaudio19-dev "
        "unixodbc-dev uthash-dev uuid-dev zlib1g-dev "
    )
)
