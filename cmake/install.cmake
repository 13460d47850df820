# cmake --install: libraries, headers, the program with its CUDA part, and the files by which
# find_package(gcmc COMPONENTS core io testing cuda) and pkg-config work.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/gcmc)

# One export file a component, so that asking for core never needs what io links.
set(components core io testing)
if(GCMC_WITH_CUDA)
  list(APPEND components cuda)
endif()
foreach(component IN LISTS components)
  set_target_properties(gcmc_${component} PROPERTIES EXPORT_NAME ${component})
  install(TARGETS gcmc_${component} EXPORT gcmc_${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libraries NAMELINK_COMPONENT development
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})  # for CMake before 3.23, which knows no file sets
  install(EXPORT gcmc_${component} NAMESPACE gcmc:: FILE gcmc-${component}-targets.cmake
    DESTINATION ${package_folder} COMPONENT development)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/include/gcmc/eigen.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gcmc
  COMPONENT development)
if(TARGET gcmc)
  install(TARGETS gcmc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  # What the program itself says: its manual page, and completion for shells.
  if(NOT CMAKE_CROSSCOMPILING AND NOT GCMC_SANITIZE)
    set(said ${PROJECT_BINARY_DIR}/said)
    file(MAKE_DIRECTORY ${said})
    find_program(GCMC_GZIP gzip REQUIRED)
    mark_as_advanced(GCMC_GZIP)
    add_custom_command(OUTPUT ${said}/gcmc.1.gz DEPENDS gcmc COMMAND gcmc manual > ${said}/gcmc.1
      COMMAND ${GCMC_GZIP} -9nf ${said}/gcmc.1 COMMAND gcmc completion bash > ${said}/gcmc COMMAND gcmc completion zsh > ${said}/_gcmc
      COMMAND gcmc completion fish > ${said}/gcmc.fish VERBATIM)
    add_custom_target(gcmc_said ALL DEPENDS ${said}/gcmc.1.gz)
    install(FILES ${said}/gcmc.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
    install(FILES ${said}/gcmc DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT program)
    install(FILES ${said}/_gcmc DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT program)
    install(FILES ${said}/gcmc.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
  endif()
endif()
if(TARGET gcmc_program_cuda)
  install(TARGETS gcmc_program_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/gcmc COMPONENT program)
endif()
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")  # Debian has the licence's text already
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
endif()

set(gcmc_archives ON)
if(BUILD_SHARED_LIBS)
  set(gcmc_archives OFF)
endif()
configure_package_config_file(cmake/gcmcConfig.cmake.in ${PROJECT_BINARY_DIR}/gcmcConfig.cmake
  INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gcmcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gcmcConfig.cmake ${PROJECT_BINARY_DIR}/gcmcConfigVersion.cmake
  cmake/FindLibZip.cmake DESTINATION ${package_folder} COMPONENT development)

# pkg-config: gcmc-core.pc and gcmc-io.pc. Whoever links an archive links what it needs too.
file(RELATIVE_PATH gcmc_includes ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_INCLUDEDIR})
function(gcmc_pkg_config gcmc_name gcmc_part gcmc_requires gcmc_libraries)
  configure_file(cmake/gcmc.pc.in ${PROJECT_BINARY_DIR}/${gcmc_name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${gcmc_name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT development)
endfunction()
set(gcmc_io_requires "gcmc-core = ${PROJECT_VERSION}")
if(gcmc_archives)
  string(APPEND gcmc_io_requires ", zlib")
  if(GCMC_WITH_DOWNLOAD)
    string(APPEND gcmc_io_requires ", libcurl, libzip, libcrypto")
  endif()
endif()
gcmc_pkg_config(gcmc-core "model, training, CPU kernels" "" "-lgcmc_core -pthread")
gcmc_pkg_config(gcmc-io "readers, saved models, reports" "${gcmc_io_requires}" -lgcmc_io)
