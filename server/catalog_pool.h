#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

#include "api/result.h"
#include "store/catalog.h"

namespace slipway::server {

/// Catalogs block; here each has a thread, and the loop waits for none of them. What would wait behind more
/// than `waiting` others is refused at once with Retry.
class CatalogPool {
 public:
  using Make = std::function<std::unique_ptr<store::Catalog>()>;
  CatalogPool(Make make, int threads, int waiting);
  ~CatalogPool();
  void join() { threads_.join(); }  ///< waits for what is under way; nothing may be asked after that
  CatalogPool(const CatalogPool&) = delete;
  CatalogPool& operator=(const CatalogPool&) = delete;

  /// `work` on a thread of the pool, called with a catalog; answers a Result.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work&, store::Catalog&>> run(Work work) {
    if (!enter()) co_return Error{ErrorClass::Retry, "too many requests wait for the database"};
    const auto place = std::shared_ptr<void>(nullptr, [this](void*) { leave(); });
    co_return co_await boost::asio::co_spawn(
        threads_,
        [this, &work]() -> boost::asio::awaitable<std::invoke_result_t<Work&, store::Catalog&>> {
          auto catalog = take();
          const auto back = std::shared_ptr<void>(nullptr, [&](void*) { give(std::move(catalog)); });
          co_return work(*catalog);
        },
        boost::asio::use_awaitable);
  }

 private:
  bool enter();
  void leave();
  std::unique_ptr<store::Catalog> take();
  void give(std::unique_ptr<store::Catalog> catalog);

  Make make_;
  int most_;
  std::mutex mutex_;
  int inside_ = 0;
  std::vector<std::unique_ptr<store::Catalog>> free_;
  boost::asio::thread_pool threads_;
};

}  // namespace slipway::server
