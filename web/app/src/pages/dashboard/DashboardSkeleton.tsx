export function DashboardSkeleton() {
  return (
    <>
      <div className="dash-head" aria-hidden="true">
        <div className="grow">
          <span className="sk sk-title sk-w40" />
          <span className="sk sk-line sk-w60" />
        </div>
      </div>
      <div className="dash-top" aria-hidden="true">
        <div className="panel sk-panel" />
        <div className="panel now">
          <div className="thumb sk" />
          <div className="panel-pad sk-form" />
        </div>
      </div>
      <span className="sr" role="status">
        Loading your dashboard
      </span>
    </>
  );
}
