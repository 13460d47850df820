#!/usr/bin/env bash
# Every way that a save can go wrong, by hand: some 20 minutes on two cores. CI runs a part (tests/CMakeLists.txt).
#   bash tests/saving.sh build/release
set -euo pipefail
build=$1
saving=$(dirname "${BASH_SOURCE[0]}")/saving.py
python3 "$saving" "$build/bin/gcmc" faults "$(find "$build" -name 'libfaulty_files.so')" 1
python3 "$saving" "$build/bin/gcmc" pairs 200
python3 "$saving" "$build/bin/gcmc" timeouts 200
python3 "$saving" "$build/bin/gcmc" readers 60
resume=$(dirname "${BASH_SOURCE[0]}")/resume.py
python3 "$resume" "$build/bin/gcmc" kills 200
python3 "$resume" "$build/bin/gcmc" calls "$(find "$build" -name 'libfaulty_files.so')" 97
python3 "$resume" "$build/bin/gcmc" full
