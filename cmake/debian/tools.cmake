# What cpack -G DEB asks for the packages' dependencies; without it they would have none, and nobody be told.
if(CPACK_GENERATOR STREQUAL "DEB")
  find_program(dpkg_shlibdeps dpkg-shlibdeps)
  if(NOT dpkg_shlibdeps)
    message(FATAL_ERROR "cpack -G DEB needs dpkg-shlibdeps (Debian, Ubuntu: apt-get install dpkg-dev file)")
  endif()
endif()
