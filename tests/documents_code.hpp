// What a reader of the documents' fragments has included.
#pragma once

#include <iostream>
#include <stop_token>
#include <thread>

#include "gcmc/cpu.hpp"
#include "gcmc/cuda.hpp"
#include "gcmc/gcmc.hpp"
