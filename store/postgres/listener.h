#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "store/postgres/connection.h"
#include "store/store.h"

namespace slipway::store::postgres {

/// Listens for hints on a connection and a thread of its own: connecting blocks, and may do so for seconds.
/// After each reconnection it says Resync, since what was said meanwhile is lost. Hints that nobody has taken
/// yet are said once.
class Listener {
 public:
  Listener(const ConnectionOptions& options, const asio::any_io_executor& io,
           std::function<void(const Hint&)> on_hint);
  ~Listener();  ///< io thread; no hint is delivered afterwards
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  bool connected() const;  ///< at the last look

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::store::postgres
