// Files of a server by HTTP, HTTPS or file: bounded in size and in time, and resumed where a transfer broke off.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "gcmc/files/readers.hpp"

namespace gcmc {

struct FetchRequest {
  std::string address;
  Offset largest = 0;  ///< bytes, of what is announced and of what comes
  DownloadLimits limits = {};
  std::function<void(const DownloadProgress&)> progress = {};
};

/// What lies at the address; nothing where the server has nothing there (403, 404, 410; a file that is not).
/// Throws InputError for an address that is none and for more than `largest` bytes, FileError where the transfer fails.
std::optional<std::string> fetch_text(const FetchRequest& request);

/// The same into the file `part`. What a broken transfer left there is gone on with where the server still has the same
/// file, and begun anew where it has not or sends whole files alone. Returns whether it was gone on with. Where the
/// server has nothing, that is an InputError. In a file part.source beside it stands what it is a part of, if the
/// server named that: then a later call may go on with it.
bool fetch_file(const FetchRequest& request, const std::filesystem::path& part);

bool is_known_part(const std::filesystem::path& part);

/// Removes the part and what is known of it.
void discard_part(const std::filesystem::path& part);

}  // namespace gcmc
