#!/usr/bin/env bash
# The packages of cmake/packages.cmake and cmake/conan, as their users have them: packages.sh [debian] [conan], both without
# arguments. debian: cpack's packages, lintian's opinion of them, and a fresh Debian made by debootstrap (as root), where
# apt installs them, the program trains, and examples/consumer is built against them. conan: a package made of this tree
# without any remote, the system's zlib and JSON standing in for Conan's, and the consumer built against it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

debian() {
  cmake --preset packages -G Ninja
  cmake --build build/packages
  (cd build/packages && cpack -G DEB -B "$work/debs" >"$work/log" 2>&1) || { cat "$work/log" >&2 && exit 1; }
  rm -rf "$work/debs/_CPack_Packages"
  ls -l "$work"/debs/*.deb
  # Suppressed: what only a package of Debian's archive must have, and what cpack does in its own way.
  lintian --tag-display-limit 0 --fail-on error,warning \
    --suppress-tags initial-upload-closes-no-bugs,bogus-mail-host-in-debian-changelog,package-name-doesnt-match-sonames,maintscript-calls-ldconfig \
    "$work"/debs/*.deb
  echo 'lintian: no error, no warning'

  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  system=${DEBIAN_ROOT:-$work/system}
  [ -e "$system/bin/sh" ] || debootstrap --variant=minbase "$suite" "$system" >"$work/log" 2>&1
  rm -rf "$system/gcmc"
  mkdir "$system/gcmc"
  cp "$work"/debs/*.deb examples/consumer/* "$system/gcmc"
  chroot "$system" bash -euo pipefail <<'END'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
apt-get update -q >/dev/null
apt-get install -q -y --no-install-recommends /gcmc/gcmc_*.deb /gcmc/libgcmc0*.deb >/dev/null
gcmc --version
gcmc train --data-name synthetic-100k --train-max-iter 3 --silent
test -s /usr/share/man/man1/gcmc.1.gz -a -s /usr/share/bash-completion/completions/gcmc
apt-get install -q -y --no-install-recommends g++ cmake make pkg-config /gcmc/libgcmc-dev*.deb >/dev/null
cmake -S /gcmc -B /gcmc/build >/dev/null
cmake --build /gcmc/build >/dev/null
/gcmc/build/consumer
g++ -std=c++20 /gcmc/main.cpp $(pkg-config --cflags --libs gcmc-io) -o /gcmc/by_pkg_config
/gcmc/by_pkg_config >/dev/null
apt-get remove -q -y libgcmc0* >/dev/null
test ! -e /usr/bin/gcmc
END
}

conan() {
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet 'conan>=2'
  export CONAN_HOME=$work/conan PATH=$work/venv/bin:$PATH
  command conan profile detect >/dev/null 2>&1
  cat >>"$CONAN_HOME/profiles/default" <<'END'
[platform_requires]
nlohmann_json/3.11.2
zlib/1.2.13
END
  command conan create cmake/conan -s compiler.cppstd=20 --no-remote >"$work/log" 2>&1 || { tail -n 50 "$work/log" >&2 && exit 1; }
  cp -r examples/consumer "$work/consumer"
  printf '[requires]\ngcmc/[>=0]\n[generators]\nCMakeDeps\nCMakeToolchain\n' >"$work/consumer/conanfile.txt"
  (
    cd "$work/consumer"
    command conan install . -s compiler.cppstd=20 --no-remote -of out >"$work/log" 2>&1 || { tail -n 50 "$work/log" >&2 && exit 1; }
    cmake -S . -B out/build -DCMAKE_TOOLCHAIN_FILE="$PWD/out/conan_toolchain.cmake" -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build out/build >/dev/null
    out/build/consumer
  )
}

[ $# -gt 0 ] || set -- debian conan
for part in "$@"; do
  "$part"
  echo "$part: as it should be"
done
