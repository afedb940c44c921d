using Platter.FileSystems;

namespace Platter.Testing.Volumes;

/// <summary>A clock that stands still until it is moved: the times of edits become exact expectations.</summary>
public sealed class SettableClock : TimeProvider
{
    /// <summary>2024-02-29T12:34:56.7891234Z to begin with: a leap day, and no time here stores all of its digits but NTFS's and ext4's.</summary>
    public DateTimeOffset Now { get; set; } = new DateTimeOffset(2024, 2, 29, 12, 34, 56, TimeSpan.Zero).AddTicks(7_891_234);

    public Timestamp Timestamp => Timestamp.From(Now);

    public override DateTimeOffset GetUtcNow() => Now;

    public void Advance(TimeSpan by) => Now += by;
}
