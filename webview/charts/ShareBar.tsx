/** A bar that fills by a share, 0 to 1. The text beside it says the same. Pure. */
export function ShareBar({ share }: { share: number }) {
  return (
    <svg class="bar share" height="8" aria-hidden="true">
      <rect class="bar-track" width="100%" height="100%" />
      <rect
        class="share-fill"
        width={`${(100 * Math.max(0, Math.min(1, share))).toFixed(1)}%`}
        height="100%"
      />
    </svg>
  );
}
