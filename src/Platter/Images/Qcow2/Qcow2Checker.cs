using Platter.Blocks;

namespace Platter.Images.Qcow2;

internal sealed class Qcow2Checker(BlockDevice host, BlockDevice? data, Qcow2Geometry geometry, CheckReport report)
{
    internal void Check()
    {
        _ = host; _ = data; _ = geometry; _ = report;
    }
}
