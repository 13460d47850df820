# What every target of gcmc shares: output folders, warnings, sanitizers.
include(GNUInstallDirs)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
  endif()
endif()

function(gcmc_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wno-sign-conversion>)
  # g++ 12 and 13 see overlaps in "text" + std::string that are not there (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
  endif()
  if(GCMC_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
  endif()
  if(GCMC_SANITIZE)
    set(sanitizers address,undefined)
    if(GCMC_SANITIZE STREQUAL "thread")
      set(sanitizers thread)
    endif()
    if(GCMC_FUZZ)
      string(PREPEND sanitizers fuzzer-no-link,)
    endif()
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${sanitizers};-fno-sanitize-recover=all;-fno-omit-frame-pointer>)
    target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
  endif()
endfunction()

# gcmc_library(target): static, or shared with BUILD_SHARED_LIBS, of the same objects. Position-independent, so that a
# static one may go into others' shared objects; hidden but for GCMC_EXPORT. Before 1.0 a minor version may change
# interfaces, so both count.
function(gcmc_library target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON DEFINE_SYMBOL ""
    CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} INSTALL_RPATH $ORIGIN)
endfunction()

# gcmc_kernels(isa options...): cpu/isa_<isa>.cpp, compiled for that instruction set; GCMC_HAS_<ISA> tells cpu.cpp.
# Sanitized kernels take minutes to compile at -O3. At -O1 g++ 12.2 lets an array in a loop share its stack with a value
# that is still alive (GCC bugs 90348, 113372), so none is shared there; at -O3, where it costs 2 %, loops are unrolled.
function(gcmc_kernels isa)
  set(file cpu/isa_${isa}.cpp)
  target_sources(gcmc_core PRIVATE ${file})
  set_source_files_properties(${file} PROPERTIES
    COMPILE_OPTIONS "$<IF:$<BOOL:${GCMC_SANITIZE}>,-O1;$<$<CXX_COMPILER_ID:GNU>:-fstack-reuse=none>,-O3>;-ffp-contract=fast;-fno-math-errno;-fno-trapping-math;${ARGN}")
  string(TOUPPER ${isa} upper)
  set_property(SOURCE cpu/cpu.cpp APPEND PROPERTY COMPILE_DEFINITIONS GCMC_HAS_${upper}=1)
endfunction()

# The same for a target with .cu files. CMake 3.25 knows no C++20 for nvcc. 554: a view's conversion to itself, which a
# template of const elements has, is never called.
function(gcmc_cuda_target target)
  gcmc_target(${target})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;--expt-relaxed-constexpr;
    --diag-suppress=554;--threads=0;-Xcompiler=-Wall,-Wextra>)
  if(GCMC_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Werror>)
  endif()
endfunction()
