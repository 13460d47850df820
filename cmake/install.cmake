# cmake --install: archives, headers, the program, and the files by which find_package(gcmc COMPONENTS core io testing cuda)
# works.
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
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT gcmc_${component} NAMESPACE gcmc:: FILE gcmc-${component}-targets.cmake DESTINATION ${package_folder})
endforeach()
if(TARGET gcmc)
  install(TARGETS gcmc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(cmake/gcmcConfig.cmake.in ${PROJECT_BINARY_DIR}/gcmcConfig.cmake
  INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gcmcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gcmcConfig.cmake ${PROJECT_BINARY_DIR}/gcmcConfigVersion.cmake
  cmake/FindLibZip.cmake DESTINATION ${package_folder})
