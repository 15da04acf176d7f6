/** The home page's own shape while it loads. */
export function HomeSkeleton() {
  return (
    <>
      <div className="hero" aria-hidden="true">
        <div className="hero-pic sk" />
        <div className="hero-info">
          <div className="row row-3 hero-who">
            <span className="sk sk-av" />
            <span className="sk sk-line sk-w40" />
          </div>
          <span className="sk sk-title sk-push" />
          <span className="sk sk-title sk-w60" />
          <span className="sk sk-line sk-w60" />
          <span className="sk sk-btn" />
        </div>
      </div>
      <span className="sr" role="status">
        Loading the live channels
      </span>
    </>
  );
}
