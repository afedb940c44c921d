using Platter.Blocks;

namespace Platter.FileSystems.Ext;

internal static class ExtChecker
{
    public static CheckReport Check(BlockDevice device, CheckOptions options)
    {
        var report = new CheckReport();
        return report;
    }
}
