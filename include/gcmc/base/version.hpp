// The library's version. CMake reads it from here.
#pragma once

#define GCMC_VERSION_MAJOR 0
#define GCMC_VERSION_MINOR 1
#define GCMC_VERSION_PATCH 0
#define GCMC_VERSION "0.1.0"
