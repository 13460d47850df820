// The library's version. CMake reads it from here.
#pragma once

#define GCMC_VERSION "0.1.0"
