using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Writes an empty NTFS volume of version 3.1.</summary>
/// <remarks>Only what is not zero is written: some 500 KiB, and $LogFile, which is all FF (64 MiB on volumes from 12 GiB on). The rest of $Bitmap is zeroed
/// through <see cref="BlockDevice.WriteZeros"/>, which costs nothing on a sparse image; clusters that are free are discarded.</remarks>
internal static class NtfsFormatter
{
    // Bytes of $LogFile and $Bitmap that are made at once.
    private const int LogPiece = 1 << 20, BitmapPiece = 64 << 10;

    // Where the jump EB 52 90 leads.
    private const int BootCodeOffset = 0x54;

    /// <summary>Formats the whole of a device; does not flush.</summary>
    /// <exception cref="ArgumentException">An option is unknown, a value does not fit, or no volume fits the device.</exception>
    public static void Format(BlockDevice device, FormatOptions options)
    {
        var own = NtfsFormatOptions.Read(options, device.SectorSize);
        var hidden = own.HiddenSectors ?? HiddenSectors(options.PartitionOffset, own.SectorSize);
        var plan = NtfsFormatPlan.Choose(device.Length, own);
        var volume = new NtfsNewVolume(plan);
        var boot = BootSector(plan, hidden);

        // Everything that can be refused has been; from here on the old content goes.
        if (own.IsFast)
            Discard(device, plan);
        else
            device.WriteZeros(0, device.Length);
        var mft = volume.Mft();
        Put(device, plan, plan.Boot, boot);
        Put(device, plan, plan.MftBitmap, volume.MftBitmap());
        Put(device, plan, plan.Mft, mft);
        Put(device, plan, plan.Mirror, mft.AsSpan(0, plan.MirrorRecords * plan.RecordSize));
        PutLog(device, plan);
        Put(device, plan, plan.RootSecurity, NtfsSystemSecurity.Root());
        Put(device, plan, plan.RootIndex, volume.RootBlock);
        if (plan.AttributeDefinitions is { } definitions)
            Put(device, plan, definitions, NtfsAttributeDefinitions.Table());
        PutBitmap(device, plan);
        Put(device, plan, plan.SecurityStream, NtfsSystemSecurity.Stream());
        Put(device, plan, plan.Upcase, NtfsStandardUpcase.Table());

        // The copy, and what the sector has behind it; a rest of the device that is no sector stays as it is.
        var copy = new byte[own.SectorSize];
        boot.CopyTo(copy, 0);
        device.Write(plan.TotalSectors * own.SectorSize, copy);
    }

    private static uint HiddenSectors(long partitionOffset, int sectorSize)
    {
        if (partitionOffset < 0 || partitionOffset % sectorSize != 0)
            throw new ArgumentException($"the partition starts at byte {partitionOffset}, expected a multiple of the sectors' {sectorSize} bytes");

        // 32 bits; behind 2 TiB mkntfs and Windows have 0 here, and such a volume cannot start a PC by its boot sector.
        return partitionOffset / sectorSize is var sectors && sectors <= uint.MaxValue ? (uint)sectors : 0;
    }

    private static byte[] BootSector(NtfsFormatPlan plan, uint hidden)
    {
        var options = plan.Options;
        var sector = new byte[NtfsBootSector.Size];
        ref var boot = ref OnDisk.Edit<NtfsBootSector>(sector);
        if (options.HasBootCode)
            BootCode.Write(sector, BootCodeOffset);
        ReadOnlySpan<byte> jump = [0xEB, BootCodeOffset - 2, 0x90];
        jump.CopyTo(boot.Jump);
        boot.Oem = NtfsBootSector.OemValue;
        boot.BytesPerSector = (ushort)options.SectorSize;
        boot.SectorsPerCluster = NtfsGeometry.EncodeSectorsPerCluster(plan.ClusterSize / options.SectorSize);
        boot.Media = 0xF8;
        boot.SectorsPerTrack = options.SectorsPerTrack;
        boot.Heads = options.Heads;
        boot.HiddenSectors = hidden;
        boot.DriveNumber = options.DriveNumber;
        boot.ExtendedSignature = 0x80;
        boot.TotalSectors = (ulong)plan.TotalSectors;
        boot.MftCluster = (ulong)plan.Mft[0].Lcn;
        boot.MftMirrorCluster = (ulong)plan.Mirror[0].Lcn;
        boot.ClustersPerRecord = NtfsGeometry.EncodeStructureSize(plan.RecordSize, plan.ClusterSize);
        boot.ClustersPerIndexBlock = NtfsGeometry.EncodeStructureSize(options.IndexBlockSize, plan.ClusterSize);
        boot.SerialNumber = options.Serial;
        boot.Signature = NtfsBootSector.SignatureValue;
        return sector;
    }

    private static void Discard(BlockDevice device, NtfsFormatPlan plan)
    {
        var end = 0L;
        foreach (var used in plan.Used)
        {
            device.Discard(plan.Offset(end), plan.Offset(used.Start - end));
            end = used.End;
        }
        device.Discard(plan.Offset(end), plan.Offset(plan.ClusterCount - end));
    }

    // The content into its clusters, zeros behind it.
    private static void Put(BlockDevice device, NtfsFormatPlan plan, NtfsRunList runs, ReadOnlySpan<byte> content)
    {
        foreach (var run in runs.Runs)
        {
            var (offset, length) = (plan.Offset(run.Lcn), plan.Offset(run.Count));
            var part = content[..(int)Math.Min(content.Length, length)];
            device.Write(offset, part);
            device.WriteZeros(offset + part.Length, length - part.Length);
            content = content[part.Length..];
        }
    }

    // A log that is all FF is empty, and drivers start a new one.
    private static void PutLog(BlockDevice device, NtfsFormatPlan plan)
    {
        var piece = new byte[LogPiece];
        piece.AsSpan().Fill(0xFF);
        foreach (var run in plan.Log.Runs)
        {
            var end = plan.Offset(run.Lcn + run.Count);
            for (var offset = plan.Offset(run.Lcn); offset < end; offset += piece.Length)
                device.Write(offset, piece.AsSpan(0, (int)Math.Min(piece.Length, end - offset)));
        }
    }

    // Set are the clusters of the volume's own files, and the bits behind the last cluster.
    private static void PutBitmap(BlockDevice device, NtfsFormatPlan plan)
    {
        var set = new RangeSet();
        foreach (var used in plan.Used)
            set.Add(used.Start, used.Length);
        set.Add(plan.ClusterCount, plan.BitmapLength * 8 - plan.ClusterCount);
        var position = 0L;
        foreach (var run in plan.Bitmap.Runs)
        {
            var (offset, length) = (plan.Offset(run.Lcn), plan.Offset(run.Count));
            device.WriteZeros(offset, length);
            var end = Math.Min(position + length, plan.BitmapLength);
            while (set.NextRange(position * 8) is { } next && next.Start < end * 8)
            {
                // From the byte of the next set bit on, so that no zeros are written where there are many.
                position = next.Start / 8;
                var piece = new byte[(int)Math.Min(BitmapPiece, end - position)];
                var bits = new Bitmap(piece.Length * 8L);
                foreach (var range in set.Enumerate(position * 8, piece.Length * 8L))
                    bits.Fill(range.Start - position * 8, range.Length, true);
                bits.Save(0, piece);
                device.Write(offset + position - (run.Vcn * plan.ClusterSize), piece);
                position += piece.Length;
            }
            position = end;
        }
    }
}
