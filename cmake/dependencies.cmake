# The packages gcmc is built with. What is missing is said in one line, with the name of Debian's package.

# Imported targets are global, so that a project that adds gcmc by add_subdirectory can link what gcmc's archives need.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

macro(gcmc_require package debian)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "gcmc needs ${package} ${ARGN}, which was not found (Debian, Ubuntu: apt-get install ${debian})")
  endif()
endmacro()

gcmc_require(Threads libc6-dev)
gcmc_require(nlohmann_json nlohmann-json3-dev 3.10)
gcmc_require(ZLIB zlib1g-dev)
if(GCMC_BUILD_PROGRAM)
  gcmc_require(CLI11 libcli11-dev)
endif()
if(GCMC_BUILD_TESTS OR GCMC_BUILD_BENCHMARKS)  # the library itself needs no Eigen: include/gcmc/eigen.hpp is its user's
  gcmc_require(Eigen3 libeigen3-dev 3.3 NO_MODULE)
endif()
if(GCMC_BUILD_TESTS)
  gcmc_require(Catch2 catch2)
  if(NOT TARGET Catch2::Catch2WithMain)
    message(FATAL_ERROR "gcmc's tests need Catch2 2.13 or later (Debian, Ubuntu: apt-get install catch2)")
  endif()
endif()
if(GCMC_BUILD_BENCHMARKS)
  gcmc_require(benchmark libbenchmark-dev 1.7)
endif()

# Downloads and archives: all three libraries or none.
if(GCMC_DOWNLOAD)
  list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
  find_package(CURL QUIET)
  find_package(LibZip QUIET)
  find_package(OpenSSL QUIET COMPONENTS Crypto)
endif()
if(CURL_FOUND AND LibZip_FOUND AND OpenSSL_FOUND)
  set(GCMC_WITH_DOWNLOAD 1)
else()
  set(GCMC_WITH_DOWNLOAD 0)
  if(NOT GCMC_DOWNLOAD STREQUAL "AUTO" AND GCMC_DOWNLOAD)
    message(FATAL_ERROR "GCMC_DOWNLOAD=ON needs libcurl, libzip and OpenSSL "
                        "(Debian, Ubuntu: apt-get install libcurl4-openssl-dev libzip-dev libssl-dev)")
  elseif(GCMC_DOWNLOAD)
    message(STATUS "gcmc: libcurl, libzip or OpenSSL not found: data sets are not downloaded, archives not read")
  endif()
endif()
