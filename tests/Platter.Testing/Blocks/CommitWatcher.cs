using Platter.Blocks;

namespace Platter.Testing.Blocks;

/// <summary>Tells of every commit that returns.</summary>
public sealed class CommitWatcher(BlockDevice inner, Action committed) : ForwardingDevice(inner)
{
    public override void Flush()
    {
        base.Flush();
        committed();
    }
}
