# cpack -G DEB: the program (gcmc), shared libraries (libgcmc0.1) and what consumers build with (libgcmc-dev). Of a build by
# the preset packages, which has shared libraries and /usr. cpack -G TGZ packs all of it.
set(CPACK_PACKAGE_VENDOR gcmc)
set(CPACK_PACKAGE_CONTACT "The authors of gcmc <gcmc@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Graph Convolutional Matrix Completion")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME gcmc)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libgcmc-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(about "Graph Convolutional Matrix Completion (GC-MC) predicts the ratings that
users would give to items.")
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "program to train, ask and serve recommenders
${about} This package has the program: it trains on
tables of ratings, recommends, explains and answers over HTTP.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "library of GC-MC recommenders: headers
${about} This package has what programs in C++20
are built with: headers, and files for CMake and pkg-config.")
set(debian_packages gcmc libgcmc-dev)
if(BUILD_SHARED_LIBS)
  set(soname ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  list(APPEND CPACK_COMPONENTS_ALL libraries)
  list(APPEND debian_packages libgcmc${soname})
  set(CPACK_DEBIAN_LIBRARIES_PACKAGE_NAME libgcmc${soname})
  set(CPACK_DEBIAN_LIBRARIES_PACKAGE_SECTION libs)
  set(CPACK_DEBIAN_LIBRARIES_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
  set(CPACK_COMPONENT_LIBRARIES_DESCRIPTION "library of GC-MC recommenders
${about} This package has the shared libraries:
training and kernels (core), readers and saved models (io).")
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "libgcmc${soname} (= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libgcmc${soname} (= ${PROJECT_VERSION})")
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/src)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/debian/tools.cmake)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_STRIP_FILES ON)

# Debian's two files of every package.
if(GCMC_GZIP AND CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
  file(WRITE ${PROJECT_BINARY_DIR}/changelog "gcmc (${PROJECT_VERSION}) unstable; urgency=medium

  * CHANGELOG.md of the source says what is new.

 -- ${CPACK_PACKAGE_CONTACT}  ${now}
")
  execute_process(COMMAND ${GCMC_GZIP} -9nf ${PROJECT_BINARY_DIR}/changelog COMMAND_ERROR_IS_FATAL ANY)
  foreach(component package IN ZIP_LISTS CPACK_COMPONENTS_ALL debian_packages)
    install(FILES cmake/debian/copyright ${PROJECT_BINARY_DIR}/changelog.gz
      DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} COMPONENT ${component})
  endforeach()
endif()
include(CPack)
