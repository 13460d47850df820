# The CUDA backend's switch. GCMC_WITH_CUDA tells whether gcmc::cuda is built.
# Architectures, unless CMAKE_CUDA_ARCHITECTURES names others: code for those of the list that nvcc knows, and the
# newest one's PTX for devices to come.
set(GCMC_CUDA AUTO CACHE STRING "Build the CUDA backend: AUTO (where nvcc is found), ON or OFF")
set_property(CACHE GCMC_CUDA PROPERTY STRINGS AUTO ON OFF)

# gcmc::cuda's files; the tests compile the very same with g++ against tests/cuda_emulator.
set(GCMC_CUDA_SOURCES check.cpp context.cpp cuda.cpp decoder.cu dense.cu graph.cu index.cu sparse.cu spmm.cu
  update.cu)
list(TRANSFORM GCMC_CUDA_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/src/cuda/)

set(GCMC_WITH_CUDA 0)
if(GCMC_CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(GCMC_WITH_CUDA 1)
  elseif(NOT GCMC_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "GCMC_CUDA=ON needs nvcc, which was not found: put it on PATH, or set CUDACXX to it")
  endif()
endif()

if(GCMC_WITH_CUDA)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-arch OUTPUT_VARIABLE known)
    foreach(architecture IN ITEMS 75 80 86 89 90 100 120)
      if(known MATCHES "compute_${architecture}\n")
        list(APPEND CMAKE_CUDA_ARCHITECTURES ${architecture}-real)
        set(newest ${architecture})
      endif()
    endforeach()
    list(APPEND CMAKE_CUDA_ARCHITECTURES ${newest}-virtual)
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
endif()
