// What a shared library of gcmc's shows. All else that is compiled is hidden (-fvisibility=hidden).
#pragma once

#define GCMC_EXPORT __attribute__((visibility("default")))
