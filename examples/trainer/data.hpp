// gcmc data: what a set of ratings holds, its conversion, its split and its generation.
#pragma once

#include "asking.hpp"

Command add_data(CLI::App& app);
