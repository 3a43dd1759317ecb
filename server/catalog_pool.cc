#include "server/catalog_pool.h"

namespace slipway::server {

CatalogPool::CatalogPool(Make make, int threads, int waiting)
    : make_(std::move(make)), most_(threads + waiting), threads_(static_cast<std::size_t>(threads)) {}

CatalogPool::~CatalogPool() { threads_.join(); }

bool CatalogPool::enter() {
  const std::lock_guard lock(mutex_);
  if (inside_ == most_) return false;
  ++inside_;
  return true;
}

void CatalogPool::leave() {
  const std::lock_guard lock(mutex_);
  --inside_;
}

std::unique_ptr<store::Catalog> CatalogPool::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return make_();
  auto catalog = std::move(free_.back());
  free_.pop_back();
  return catalog;
}

void CatalogPool::give(std::unique_ptr<store::Catalog> catalog) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(catalog));
}

}  // namespace slipway::server
